import { Button, Group, Stack } from '@mantine/core';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { TRANSACTION_STATUSES } from '../../api/transactions.ts';
import { ChipChoice } from '../../kit/chip-choice.tsx';
import { boundsOf, PeriodChoice } from '../../kit/period.tsx';
import { useStatusAddress } from '../../kit/status-address.ts';
import { WrittenFilter } from '../../kit/written-filter.tsx';

const NAMES = ['key', 'producer', 'status', 'last', 'from', 'to'] as const;

export type Filters = ReturnType<typeof useFilters>;

/** What is looked for, as it stands in the address: a link to it shows the same. */
export function useFilters() {
  return useStatusAddress(NAMES, TRANSACTION_STATUSES);
}

/** As the API takes them; `last` counts from the moment it was chosen. */
export function useQueryOf({ values, statuses }: Filters) {
  const status = statuses.join(',');
  return useMemo(
    () => ({
      businessKey: values.key,
      producer: values.producer,
      status,
      ...boundsOf(values),
    }),
    [values, status],
  );
}

export function FilterBar({ filters }: { filters: Filters }) {
  const { t } = useTranslation('transactions');
  const { values, statuses, set } = filters;
  return (
    <Stack gap="xs" component="search">
      <ChipChoice
        label={t('filters.status')}
        options={TRANSACTION_STATUSES.map((value) => ({ value, label: t(`status.${value}`) }))}
        chosen={statuses}
        choose={(chosen) => set({ status: chosen.join(',') })}
      />
      <Group gap="xs" align="flex-end">
        <WrittenFilter
          size="xs"
          w={200}
          type="search"
          label={t('filters.key')}
          value={values.key}
          decide={(key) => set({ key })}
        />
        <PeriodChoice size="xs" label={t('filters.period')} value={values} choose={set} />
        <WrittenFilter
          size="xs"
          w={200}
          label={t('filters.producer')}
          placeholder="key_…"
          value={values.producer}
          decide={(producer) => set({ producer })}
        />
        {!filters.isEmpty && (
          <Button variant="subtle" size="xs" onClick={filters.clear}>
            {t('filters.reset')}
          </Button>
        )}
      </Group>
    </Stack>
  );
}
