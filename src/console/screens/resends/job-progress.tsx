import { useTranslation } from 'react-i18next';
import type { ResendView } from '../../api/resends.ts';
import classes from './job-progress.module.css';

const PARTS = ['resent', 'skipped', 'failed'] as const;

/** How far a job is: what was sent, what had no need, what could not be. */
export function JobProgress({ job, size = 'md' }: { job: ResendView; size?: 'sm' | 'md' }) {
  const { t } = useTranslation('resends');
  const done = job.resent + job.skipped + job.failed;
  // Jobs count what they come across: it may end above what was found at first, by a hair.
  const whole = Math.max(1, job.matched, done);
  return (
    <div
      className={classes.bar}
      data-size={size}
      role="progressbar"
      aria-label={t('progress')}
      aria-valuemin={0}
      aria-valuemax={whole}
      aria-valuenow={done}
    >
      {PARTS.map((part) => (
        <span key={part} data-part={part} style={{ width: `${(100 * job[part]) / whole}%` }} />
      ))}
    </div>
  );
}
