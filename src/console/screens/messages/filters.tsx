import { Button, Group, NativeSelect, Stack } from '@mantine/core';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { MESSAGE_STATUSES } from '../../api/messages.ts';
import { useSession } from '../../api/session.ts';
import { ChipChoice } from '../../kit/chip-choice.tsx';
import { MerchantChoice } from '../../kit/merchant-choice.tsx';
import { boundsOf, PeriodChoice } from '../../kit/period.tsx';
import { useStatusAddress } from '../../kit/status-address.ts';
import { WrittenFilter } from '../../kit/written-filter.tsx';

const NAMES = [
  'key',
  'id',
  'producer',
  'status',
  'outcome',
  'merchant',
  'last',
  'from',
  'to',
] as const;

export type Filters = ReturnType<typeof useFilters>;

/** What is looked for, as it stands in the address: a link to it shows the same. */
export function useFilters() {
  return useStatusAddress(NAMES, MESSAGE_STATUSES);
}

/** As the API takes them; `last` counts from the moment it was chosen. */
export function useQueryOf({ values, statuses }: Filters) {
  const status = statuses.join(',');
  return useMemo(
    () => ({
      businessKey: values.key,
      messageId: values.id,
      producer: values.producer,
      merchantId: values.merchant.trim(),
      outcome: values.outcome === 'failed' || values.outcome === 'success' ? values.outcome : null,
      status,
      ...boundsOf(values),
    }),
    [values, status],
  );
}

export function FilterBar({ filters }: { filters: Filters }) {
  const { t } = useTranslation('messages');
  const { values, statuses, set } = filters;
  const { data: session } = useSession();
  const written = { size: 'xs', w: 170 } as const;
  return (
    <Stack gap="xs" component="search">
      <ChipChoice
        label={t('filters.status')}
        options={MESSAGE_STATUSES.map((value) => ({ value, label: t(`status.${value}`) }))}
        chosen={statuses}
        choose={(chosen) => set({ status: chosen.join(',') })}
      />
      <Group gap="xs" align="flex-end">
        <WrittenFilter
          {...written}
          type="search"
          label={t('filters.key')}
          value={values.key}
          decide={(key) => set({ key })}
        />
        <WrittenFilter
          {...written}
          label={t('filters.id')}
          value={values.id}
          decide={(id) => set({ id })}
        />
        <PeriodChoice size="xs" label={t('filters.period')} value={values} choose={set} />
        <NativeSelect
          size="xs"
          label={t('filters.outcome')}
          value={values.outcome}
          onChange={(event) => set({ outcome: event.currentTarget.value })}
          data={[
            { value: '', label: t('outcome.any') },
            { value: 'success', label: t('outcome.success') },
            { value: 'failed', label: t('outcome.failed') },
          ]}
        />
        {session?.role === 'operator' && (
          <WrittenFilter
            {...written}
            label={t('filters.producer')}
            placeholder="key_…"
            value={values.producer}
            decide={(producer) => set({ producer })}
          />
        )}
        <MerchantChoice size="xs" />
        {!filters.isEmpty && (
          <Button variant="subtle" size="xs" onClick={filters.clear}>
            {t('filters.reset')}
          </Button>
        )}
      </Group>
    </Stack>
  );
}
