import { NativeSelect, TextInput } from '@mantine/core';
import { useTranslation } from 'react-i18next';

const HOUR = 3_600_000;

/** How far back each of them looks. */
const PERIODS = { '15m': HOUR / 4, '1h': HOUR, '24h': 24 * HOUR, '7d': 168 * HOUR } as const;
const NAMES = ['any', '15m', '1h', '24h', '7d', 'own'] as const;

/** As the address has it: `last` is one of the names above, or `from` and `to` say it. */
export interface Period {
  last: string;
  from: string;
  to: string;
}

/** As the API takes it. `last` counts from now: keep the answer as long as the address stays. */
export function boundsOf({ last, from, to }: Period): { from: string | null; to: string | null } {
  const backMs = PERIODS[last as keyof typeof PERIODS];
  if (backMs === undefined) return { from: momentOf(from), to: momentOf(to) };
  return { from: new Date(Date.now() - backMs).toISOString(), to: null };
}

export function PeriodChoice(props: {
  label: string;
  value: Period;
  choose(changes: Partial<Period>): void;
  size?: 'xs' | 'sm';
}) {
  const { t } = useTranslation('kit');
  const { value: period, choose, size = 'sm' } = props;
  const isOwn = period.from !== '' || period.to !== '' || period.last === 'own';
  return (
    <>
      <NativeSelect
        size={size}
        label={props.label}
        value={isOwn ? 'own' : period.last || 'any'}
        onChange={({ currentTarget: { value } }) =>
          choose({ from: '', to: '', last: value === 'any' ? '' : value })
        }
        data={NAMES.map((value) => ({ value, label: t(`periods.${value}`) }))}
      />
      {isOwn &&
        (['from', 'to'] as const).map((edge) => (
          <TextInput
            key={edge}
            size={size}
            type="datetime-local"
            label={t(edge)}
            value={localOf(period[edge])}
            onChange={(event) => choose({ [edge]: event.currentTarget.value })}
          />
        ))}
    </>
  );
}

/** RFC 3339, or what `datetime-local` gives in the writer's own time zone. */
function momentOf(text: string): string | null {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? null : new Date(ms).toISOString();
}

/** A moment of the address as `datetime-local` wants it. */
function localOf(text: string): string {
  const date = new Date(text);
  if (!text.endsWith('Z') || Number.isNaN(date.getTime())) return text;
  const format = new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeStyle: 'medium' });
  return format.format(date).replace(' ', 'T');
}
