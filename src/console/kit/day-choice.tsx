import { ActionIcon, Group, Select, TextInput } from '@mantine/core';
import { IconChevronLeft, IconChevronRight } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { useAddress } from './address.ts';

const NAMES = ['date', 'timezone'] as const;
const DAY_MS = 86_400_000;
/** A list of all of them is longer than anybody scrolls; writing finds the rest. */
const ZONES_SHOWN = 60;

/** A calendar day and the clock that bounds it, from the address; yesterday in UTC where it says none. */
export function useDay() {
  const { values, set } = useAddress(NAMES);
  const timezone = values.timezone || 'UTC';
  const today = dateIn(timezone, Date.now());
  return {
    date: values.date || addDays(today, -1),
    timezone,
    today,
    choose: set,
  };
}

export function DayChoice() {
  const { t } = useTranslation('kit');
  const { date, timezone, today, choose } = useDay();
  return (
    <Group gap="xs" align="flex-end">
      <Group gap={4} align="flex-end" wrap="nowrap">
        <ActionIcon
          size="input-sm"
          variant="default"
          aria-label={t('dayBefore')}
          onClick={() => choose({ date: addDays(date, -1) })}
        >
          <IconChevronLeft size={16} />
        </ActionIcon>
        <TextInput
          type="date"
          label={t('day')}
          value={date}
          max={today}
          onChange={({ currentTarget: { value } }) => value !== '' && choose({ date: value })}
        />
        <ActionIcon
          size="input-sm"
          variant="default"
          aria-label={t('dayAfter')}
          disabled={date >= today}
          onClick={() => choose({ date: addDays(date, 1) })}
        >
          <IconChevronRight size={16} />
        </ActionIcon>
      </Group>
      <Select
        label={t('timezone')}
        data={zones(timezone)}
        value={timezone}
        onChange={(zone) => choose({ timezone: zone === 'UTC' ? '' : (zone ?? '') })}
        searchable
        allowDeselect={false}
        limit={ZONES_SHOWN}
        w={200}
      />
    </Group>
  );
}

/** UTC and one's own first, then all that the browser knows. */
function zones(chosen: string): string[] {
  const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return [...new Set(['UTC', own, chosen, 'Asia/Shanghai', ...Intl.supportedValuesOf('timeZone')])];
}

/** `2026-11-22`: the day that a calendar in this zone shows. */
function dateIn(timezone: string, ms: number): string {
  const format = (timeZone: string) => new Intl.DateTimeFormat('sv-SE', { timeZone }).format(ms);
  try {
    return format(timezone);
  } catch {
    // An address may name a zone that there is not; the gateway says so when asked.
    return format('UTC');
  }
}

function addDays(date: string, days: number): string {
  const ms = Date.parse(date) + days * DAY_MS;
  return Number.isNaN(ms) ? date : new Date(ms).toISOString().slice(0, 10);
}
