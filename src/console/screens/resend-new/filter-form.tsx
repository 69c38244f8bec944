import { Group, Stack, Textarea } from '@mantine/core';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { MerchantChoice } from '../../kit/merchant-choice.tsx';
import { PeriodChoice } from '../../kit/period.tsx';
import { StatusChoice } from '../../kit/status-choice.tsx';
import { WrittenFilter } from '../../kit/written-filter.tsx';
import { type FilterAddress, MOST_KEYS, splitKeys, writeKeys } from './filter.ts';

const WRITTEN = ['endpoint', 'queue', 'type'] as const;

export function FilterForm({ address, keys }: { address: FilterAddress; keys: string[] }) {
  const { t } = useTranslation('resendNew');
  const { values, set } = address;
  const statuses = values.status === '' ? ['failed'] : values.status.split(',');
  return (
    <Stack gap="sm">
      <StatusChoice
        label={t('status')}
        chosen={statuses}
        choose={(chosen) => set({ status: chosen.join(',') })}
      />
      <Group gap="sm" align="flex-end">
        <MerchantChoice />
        {WRITTEN.map((name) => (
          <WrittenFilter
            key={name}
            label={t(name)}
            placeholder={t(`${name}Hint`)}
            value={name === 'endpoint' && values.q.startsWith('ep_') ? values.q : values[name]}
            decide={(text) => set({ [name]: text, ...(name === 'endpoint' && { q: '' }) })}
          />
        ))}
        <PeriodChoice label={t('period')} value={values} choose={set} />
      </Group>
      <Keys keys={keys} decide={(chosen) => set({ keys: writeKeys(chosen), q: '' })} />
    </Stack>
  );
}

function Keys({ keys, decide }: { keys: string[]; decide(keys: string[]): void }) {
  const { t } = useTranslation('resendNew');
  const known = keys.join('\n');
  const [text, setText] = useState(known);
  useEffect(() => setText(known), [known]);
  const written = splitKeys(text);
  const isTooMany = written.length > MOST_KEYS;
  return (
    <Textarea
      label={t('keys')}
      description={t('keysHint', { most: MOST_KEYS })}
      error={isTooMany && t('keysTooMany', { count: written.length, most: MOST_KEYS })}
      value={text}
      onChange={(event) => setText(event.currentTarget.value)}
      onBlur={() => {
        if (!isTooMany && written.join('\n') !== known) decide(written);
      }}
      autosize
      minRows={1}
      maxRows={6}
      spellCheck={false}
    />
  );
}
