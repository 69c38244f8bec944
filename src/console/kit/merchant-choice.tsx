import { Autocomplete, Group, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { get } from '../api/client.ts';
import { useSession } from '../api/session.ts';
import { useAddress } from './address.ts';

const NAMES = ['merchant'] as const;
const MOST_OFFERED = 100;

/**
 * Whose books a screen shows. A merchant sees its own; an operator says whose, and the address keeps
 * it, as `merchant`.
 */
export function useMerchant() {
  const { data: session } = useSession();
  const { values, set } = useAddress(NAMES);
  const own = session?.merchantId ?? null;
  return {
    /** '': nobody is chosen yet. */
    merchantId: own ?? values.merchant,
    mustChoose: own === null,
    choose: (merchant: string) => set({ merchant }),
  };
}

/** The field in which an operator says whose; nothing for a merchant. */
export function MerchantChoice({ size = 'sm' }: { size?: 'xs' | 'sm' }) {
  const { t } = useTranslation('kit');
  const { merchantId, mustChoose, choose } = useMerchant();
  const [text, setText] = useState(merchantId);
  useEffect(() => setText(merchantId), [merchantId]);
  const { data } = useQuery({
    queryKey: ['merchants', 'offered'],
    queryFn: ({ signal }) =>
      get<{ data: { id: string; name: string }[] }>(
        '/v1/merchants',
        { limit: MOST_OFFERED },
        signal,
      ),
    enabled: mustChoose,
    staleTime: 60_000,
  });
  if (!mustChoose) return null;
  const nameOf = new Map(data?.data.map(({ id, name }) => [id, name]));
  const decide = (id: string) => {
    if (id.trim() !== merchantId) choose(id.trim());
  };
  return (
    <Autocomplete
      size={size}
      label={t('merchant')}
      placeholder={t('merchantHint')}
      data={[...nameOf.keys()]}
      value={text}
      onChange={setText}
      onOptionSubmit={decide}
      onBlur={() => decide(text)}
      onKeyDown={(event) => {
        // Which hands it on, and closes what is offered.
        if (event.key === 'Enter') event.currentTarget.blur();
      }}
      renderOption={({ option }) => (
        <Group gap={8} wrap="nowrap">
          <Text size="sm">{option.value}</Text>
          {nameOf.get(option.value) !== option.value && (
            <Text size="sm" c="dimmed" truncate>
              {nameOf.get(option.value)}
            </Text>
          )}
        </Group>
      )}
      spellCheck={false}
      w={220}
    />
  );
}
