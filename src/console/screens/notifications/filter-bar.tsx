import {
  Autocomplete,
  Button,
  Chip,
  CloseButton,
  Group,
  NativeSelect,
  Stack,
  TextInput,
} from '@mantine/core';
import { IconSearch } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useEffect, useRef, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { get } from '../../api/client.ts';
import { DELIVERY_STATUSES } from '../../api/notifications.ts';
import { useSession } from '../../api/session.ts';
import classes from './filter-bar.module.css';
import { type Filters, PERIODS, type Period } from './filters.ts';

/** After this pause in writing the search begins by itself. */
const PAUSE_MS = 400;

export function FilterBar({ filters }: { filters: Filters }) {
  const { t } = useTranslation('notifications');
  const { t: kit } = useTranslation('kit');
  const { data: session } = useSession();
  return (
    <Stack gap="xs" component="search">
      <SearchBox value={filters.q} search={(text) => filters.set({ q: text })} />
      <Group gap="xs" align="flex-end">
        <Chip.Group multiple value={filters.status} onChange={filters.setStatus}>
          <Group gap={6} role="group" aria-label={t('filters.status')}>
            {DELIVERY_STATUSES.map((status) => (
              <Chip
                key={status}
                value={status}
                size="xs"
                variant="outline"
                className={classes.chip}
              >
                {kit(`status.${status}`)}
              </Chip>
            ))}
          </Group>
        </Chip.Group>
      </Group>
      <Group gap="xs" align="flex-end">
        <PeriodFilter filters={filters} />
        <QueueFilter filters={filters} />
        <WrittenFilter
          label={t('filters.type')}
          placeholder={t('filters.typeHint')}
          value={filters.type}
          choose={(text) => filters.set({ type: text })}
        />
        {session?.role === 'operator' && (
          <WrittenFilter
            label={t('filters.merchant')}
            value={filters.merchant}
            choose={(text) => filters.set({ merchant: text })}
          />
        )}
        {!filters.isEmpty && (
          <Button variant="subtle" size="xs" onClick={filters.clear}>
            {t('filters.reset')}
          </Button>
        )}
      </Group>
    </Stack>
  );
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

function WrittenFilter(props: {
  label: string;
  placeholder?: string;
  value: string;
  choose(text: string): void;
}) {
  const [text, setText] = useWritten(props.value, props.choose);
  return (
    <TextInput
      size="xs"
      label={props.label}
      placeholder={props.placeholder}
      value={text}
      onChange={(event) => setText(event.currentTarget.value)}
      spellCheck={false}
      autoComplete="off"
      w={150}
    />
  );
}

function QueueFilter({ filters }: { filters: Filters }) {
  const { t } = useTranslation('notifications');
  const { data } = useQuery({
    queryKey: ['queues', 'names'],
    queryFn: ({ signal }) =>
      get<{ data: { name: string }[] }>('/v1/queues', { limit: 100 }, signal),
    staleTime: 60_000,
  });
  const [text, setText] = useWritten(filters.queue, (queue) => filters.set({ queue }));
  return (
    <Autocomplete
      size="xs"
      label={t('filters.queue')}
      data={data?.data.map(({ name }) => name) ?? []}
      value={text}
      onChange={setText}
      w={150}
    />
  );
}

function PeriodFilter({ filters }: { filters: Filters }) {
  const { t } = useTranslation('notifications');
  const isOwn = filters.from !== '' || filters.to !== '' || filters.last === 'own';
  const names = ['any', ...(Object.keys(PERIODS) as Period[]), 'own'] as const;
  return (
    <>
      <NativeSelect
        size="xs"
        label={t('filters.period')}
        value={isOwn ? 'own' : filters.last || 'any'}
        onChange={({ currentTarget: { value } }) =>
          filters.set({ from: '', to: '', last: value === 'any' ? '' : value })
        }
        data={names.map((value) => ({ value, label: t(`periods.${value}`) }))}
      />
      {isOwn &&
        (['from', 'to'] as const).map((edge) => (
          <TextInput
            key={edge}
            size="xs"
            type="datetime-local"
            label={t(`filters.${edge}`)}
            value={filters[edge]}
            onChange={(event) => filters.set({ [edge]: event.currentTarget.value })}
          />
        ))}
    </>
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
