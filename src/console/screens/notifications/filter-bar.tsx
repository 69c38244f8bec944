import { Button, CloseButton, Group, Stack, TextInput } from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { get } from '../../api/client.ts';
import { MerchantChoice } from '../../kit/merchant-choice.tsx';
import { PeriodChoice } from '../../kit/period.tsx';
import { StatusChoice } from '../../kit/status-choice.tsx';
import { WrittenFilter } from '../../kit/written-filter.tsx';
import classes from './filter-bar.module.css';
import type { Filters } from './filters.ts';

/** After this pause in writing the search begins by itself. */
const PAUSE_MS = 400;

export function FilterBar({ filters }: { filters: Filters }) {
  const { t } = useTranslation('notifications');
  const { values, statuses, set } = filters;
  return (
    <Stack gap="xs" component="search">
      <SearchBox value={values.q} search={(q) => set({ q })} />
      <StatusChoice
        label={t('filters.status')}
        chosen={statuses}
        choose={(chosen) => set({ status: chosen.join(',') })}
      />
      <Group gap="xs" align="flex-end">
        <PeriodChoice size="xs" label={t('filters.period')} value={values} choose={set} />
        <WrittenFilter
          size="xs"
          w={150}
          label={t('filters.queue')}
          data={useQueueNames()}
          value={values.queue}
          decide={(queue) => set({ queue })}
        />
        <WrittenFilter
          size="xs"
          w={150}
          label={t('filters.type')}
          placeholder={t('filters.typeHint')}
          value={values.type}
          decide={(type) => set({ type })}
        />
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

function useQueueNames(): string[] {
  const { data } = useQuery({
    queryKey: ['queues', 'names'],
    queryFn: ({ signal }) =>
      get<{ data: { name: string }[] }>('/v1/queues', { limit: 100 }, signal),
    staleTime: 60_000,
  });
  return data?.data.map(({ name }) => name) ?? [];
}

function SearchBox({ value, search }: { value: string; search(text: string): void }) {
  const { t } = useTranslation('notifications');
  const [text, setText] = useWritten(value, search);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    search(text.trim());
  };
  return (
    <form onSubmit={submit}>
      <TextInput
        type="search"
        aria-label={t('search')}
        placeholder={t('searchHint')}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape') event.currentTarget.blur();
        }}
        leftSection={<IconSearch size={16} aria-hidden />}
        rightSection={
          text !== '' && (
            <CloseButton size="sm" aria-label={t('clear')} onClick={() => setText('')} />
          )
        }
        classNames={{ input: classes.search }}
        maxLength={2048}
        spellCheck={false}
        autoComplete="off"
      />
    </form>
  );
}

/** What is being written, handed on when the writer pauses; follows the address when that changes. */
function useWritten(value: string, handOn: (text: string) => void) {
  const [text, setText] = useState(value);
  const handed = useRef(value);
  useEffect(() => {
    // Our own change, come back: by now more may have been written.
    if (value === handed.current) return;
    handed.current = value;
    setText(value);
  }, [value]);
  useEffect(() => {
    const trimmed = text.trim();
    if (trimmed === handed.current) return;
    const timer = setTimeout(() => {
      handed.current = trimmed;
      handOn(trimmed);
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text, handOn]);
  return [text, setText] as const;
}
