import { Paper, Title } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { count, percent } from '../../kit/number.ts';
import type { Tone } from '../../kit/status.tsx';
import classes from './shares.module.css';

export interface Share {
  name: string;
  count: number;
  tone: Tone;
}

/** What a whole is made of, the largest first; what there was none of is left out. */
export function Shares({ title, shares }: { title: string; shares: Share[] }) {
  const { i18n } = useTranslation();
  const total = shares.reduce((sum, share) => sum + share.count, 0);
  const shown = shares.filter((share) => share.count > 0).toSorted((a, b) => b.count - a.count);
  return (
    <Paper withBorder p="sm">
      <Title order={2} size="sm" mb={6}>
        {title}
      </Title>
      {shown.length === 0 && '—'}
      <ul className={classes.shares}>
        {shown.map(({ name, count: of, tone }) => (
          <li key={name} className={classes.share}>
            <span>{name}</span>
            <span className={classes.numbers}>
              {count(of, i18n.language)} · {percent(of / total, i18n.language)}
            </span>
            <span
              className={classes.bar}
              data-tone={tone}
              style={{ width: `${Math.max(0.5, (100 * of) / total)}%` }}
            />
          </li>
        ))}
      </ul>
    </Paper>
  );
}
