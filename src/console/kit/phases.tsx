import {
  IconAlertTriangle,
  IconCheck,
  IconClock,
  IconHandStop,
  IconProgress,
} from '@tabler/icons-react';
import type { ReactNode } from 'react';
import classes from './phases.module.css';
import type { Tone } from './status.tsx';

const ICONS = {
  good: IconCheck,
  bad: IconAlertTriangle,
  wait: IconClock,
  busy: IconProgress,
  idle: IconHandStop,
} as const;

/** A step of something that goes through several. */
export interface Phase {
  key: string;
  title: string;
  /** `later`: not reached. */
  tone: Tone | 'later';
  /** When, who, how far. */
  children?: ReactNode;
}

/** The steps beside each other, joined by a line; below each other where there is little room. */
export function Phases({ label, phases }: { label: string; phases: readonly Phase[] }) {
  const here = phases.findLastIndex(({ tone }) => tone !== 'later');
  return (
    <ol className={classes.phases} aria-label={label}>
      {phases.map(({ key, title, tone, children }, index) => {
        const Icon = tone === 'later' ? null : ICONS[tone];
        return (
          <li
            key={key}
            className={classes.phase}
            data-tone={tone}
            aria-current={index === here ? 'step' : undefined}
          >
            <span className={classes.dot}>{Icon !== null && <Icon size={15} aria-hidden />}</span>
            <div className={classes.text}>
              <strong>{title}</strong>
              {children !== undefined && <div className={classes.more}>{children}</div>}
            </div>
          </li>
        );
      })}
    </ol>
  );
}
