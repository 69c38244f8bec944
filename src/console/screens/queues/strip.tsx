import { useTranslation } from 'react-i18next';
import type { Queue } from '../../api/queues.ts';
import { makeScale } from './scale.ts';
import { writeLadder } from './span.ts';
import classes from './strip.module.css';

const WIDTH = 190;
const HEIGHT = 18;

/** A ladder at a glance: a stroke for each attempt, by the logarithm of time, up to the deadline. */
export function Strip({ queue: { ladderSeconds, deadlineSeconds } }: { queue: Queue }) {
  const { t } = useTranslation('queues');
  const scale = makeScale('log', deadlineSeconds, WIDTH - 4);
  let at = 0;
  const strokes = ladderSeconds.map((delay, index) => {
    at += delay;
    return { attempt: index + 1, at };
  });
  return (
    <svg
      width={WIDTH}
      height={HEIGHT}
      className={classes.strip}
      role="img"
      aria-label={t('columns.strip', { ladder: writeLadder(ladderSeconds) })}
    >
      <line className={classes.base} x1={0} x2={WIDTH} y1={HEIGHT - 1} y2={HEIGHT - 1} />
      {strokes
        .filter((stroke) => stroke.at < deadlineSeconds)
        .map((stroke) => (
          <line
            key={stroke.attempt}
            x1={2 + scale.x(stroke.at)}
            x2={2 + scale.x(stroke.at)}
            y1={2}
            y2={HEIGHT - 2}
          />
        ))}
    </svg>
  );
}
