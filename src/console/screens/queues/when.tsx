import { useTranslation } from 'react-i18next';
import type { Preview } from '../../api/queues.ts';
import classes from './rungs.module.css';
import { writeSpan } from './span.ts';

/** When a rung's attempt comes, and how much later it may be; or that the deadline is before it. */
export function When(props: {
  seconds: number | null;
  index: number;
  preview: Preview | undefined;
}) {
  const { t, i18n } = useTranslation('queues');
  const { seconds, index, preview } = props;
  if (seconds === null) return <span className={classes.dropped}>{t('rung.wrong')}</span>;
  // The preview may be a moment behind what is written.
  if (preview === undefined || preview.rules.ladderSeconds.length <= index) return <span />;
  const planned = preview.attempts[index];
  if (planned === undefined) {
    const offset = preview.rules.ladderSeconds
      .slice(0, index + 1)
      .reduce((sum, delay) => sum + delay, 0);
    return (
      <span className={classes.dropped}>
        <s>+{writeSpan(offset)}</s>
        {t('rung.dropped')}
      </span>
    );
  }
  const laterSeconds = Math.floor((Date.parse(planned.latest) - Date.parse(planned.at)) / 1000);
  return (
    <span className={classes.when}>
      <time dateTime={planned.at} className={classes.clock}>
        {clock(planned.at, preview.from, i18n.language)}
      </time>
      <span className={classes.more}>
        {t('rung.after', { span: writeSpan(planned.offsetSeconds) })}
        {laterSeconds > 0 && ` · ${t('rung.jitter', { span: writeSpan(laterSeconds) })}`}
      </span>
    </span>
  );
}

/** The date only where it is not that of the acceptance. */
function clock(at: string, from: string, language: string): string {
  const date = new Date(at);
  const isSameDay = date.toDateString() === new Date(from).toDateString();
  return new Intl.DateTimeFormat(language, {
    ...(!isSameDay && { month: 'short', day: 'numeric' }),
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  }).format(date);
}
