import { useElementSize } from '@mantine/hooks';
import { useTranslation } from 'react-i18next';
import type { Preview } from '../../api/queues.ts';
import classes from './curve.module.css';
import { makeScale, type Scale, type ScaleName } from './scale.ts';
import { writeSpan } from './span.ts';

const HEIGHT = 250;
const LEFT = 34;
const RIGHT = 18;
const TOP = 20;
const BOTTOM = 26;
/** Of the deadline: how far behind it dropped rungs are still drawn. */
const FARTHEST = 2;

interface Point {
  attempt: number;
  /** Seconds after the acceptance. */
  at: number;
  latest: number;
  isDropped: boolean;
}

/**
 * Attempts over the time since the acceptance: the steps of the ladder, how far jitter may take each,
 * the deadline, and the rungs that it cuts off.
 *
 * @param props.active the attempt that is pointed at, here or in the list beside it
 */
export function Curve(props: {
  preview: Preview;
  scale: ScaleName;
  active: number | null;
  point(attempt: number | null): void;
}) {
  const { t } = useTranslation('queues');
  const { ref, width } = useElementSize();
  const points = pointsOf(props.preview);
  const kept = points.filter(({ isDropped }) => !isDropped);
  const deadline = props.preview.rules.deadlineSeconds;
  const farthest = Math.max(deadline * 1.06, ...points.map(({ at }) => at * 1.04));
  const plotWidth = Math.max(0, width - LEFT - RIGHT);
  const edge = Math.min(farthest, deadline * FARTHEST);
  const scale = makeScale(props.scale, edge, plotWidth);
  const seen = points.filter(({ at }) => at <= edge);
  const most = Math.max(1, seen.at(-1)?.attempt ?? 1);
  const y = (attempt: number) => TOP + (HEIGHT - TOP - BOTTOM) * (1 - attempt / most);
  const x = (seconds: number) => LEFT + scale.x(Math.min(seconds, edge));
  const last = kept.at(-1);
  const summary = t('curve.summary', {
    count: kept.length,
    last: writeSpan(last?.at ?? 0),
    deadline: writeSpan(deadline),
    dropped: points.length - kept.length,
  });
  return (
    <div ref={ref} className={classes.frame}>
      {width > 0 && (
        <svg
          width={width}
          height={HEIGHT}
          role="img"
          aria-label={summary}
          className={classes.curve}
          onPointerLeave={() => props.point(null)}
        >
          <Axes scale={scale} y={y} most={most} width={width} />
          <path className={classes.band} d={bandPath(kept, x, y)} />
          <path className={classes.line} d={stepPath(kept, x, y)} />
          <line
            className={classes.deadline}
            x1={x(deadline)}
            x2={x(deadline)}
            y1={TOP - 4}
            y2={y(0)}
          />
          <text className={classes.deadlineText} x={x(deadline) - 6} y={TOP - 8} textAnchor="end">
            {t('curve.deadline', { span: writeSpan(deadline) })}
          </text>
          {seen.map(({ attempt, at, isDropped }) => (
            <circle
              key={attempt}
              className={classes.point}
              data-dropped={isDropped || undefined}
              data-active={props.active === attempt || undefined}
              cx={x(at)}
              cy={y(attempt)}
              r={props.active === attempt ? 6 : 4}
            />
          ))}
          {seen.map(({ attempt, at }) => (
            <circle
              key={attempt}
              className={classes.target}
              cx={x(at)}
              cy={y(attempt)}
              r={11}
              onPointerEnter={() => props.point(attempt)}
            />
          ))}
        </svg>
      )}
    </div>
  );
}

function Axes(props: { scale: Scale; y(attempt: number): number; most: number; width: number }) {
  const { t } = useTranslation('queues');
  const { scale, y, most, width } = props;
  const every = [1, 2, 5, 10, 20].find((step) => most / step <= 8) ?? 20;
  const steps = Array.from({ length: Math.floor(most / every) }, (_, n) => (n + 1) * every);
  return (
    <g aria-hidden>
      {steps.map((attempt) => (
        <g key={attempt}>
          <line
            className={classes.grid}
            x1={LEFT}
            x2={width - RIGHT}
            y1={y(attempt)}
            y2={y(attempt)}
          />
          <text className={classes.tick} x={LEFT - 8} y={y(attempt) + 4} textAnchor="end">
            {attempt}
          </text>
        </g>
      ))}
      <line className={classes.base} x1={LEFT} x2={width - RIGHT} y1={y(0)} y2={y(0)} />
      {scale.ticks.map((tick) => (
        <g key={tick}>
          <line
            className={classes.base}
            x1={LEFT + scale.x(tick)}
            x2={LEFT + scale.x(tick)}
            y1={y(0)}
            y2={y(0) + 4}
          />
          <text
            className={classes.tick}
            x={LEFT + scale.x(tick)}
            y={HEIGHT - 7}
            textAnchor={tick === 0 ? 'start' : 'middle'}
          >
            {tick === 0 ? t('curve.accepted') : writeSpan(tick)}
          </text>
        </g>
      ))}
    </g>
  );
}

/** All rungs, those that are dropped at the time they would have had. */
function pointsOf({ attempts, rules }: Preview): Point[] {
  const from = Date.parse(attempts[0]?.at ?? '') - (attempts[0]?.offsetSeconds ?? 0) * 1000;
  let at = 0;
  return rules.ladderSeconds.map((delaySeconds, index) => {
    const planned = attempts[index];
    at += delaySeconds;
    return {
      attempt: index + 1,
      at: planned?.offsetSeconds ?? at,
      latest: planned === undefined ? at : (Date.parse(planned.latest) - from) / 1000,
      isDropped: planned === undefined,
    };
  });
}

type Place = (value: number) => number;

/** Along each attempt until the next one, then up. */
function stepPath(points: readonly Point[], x: Place, y: Place): string {
  return points
    .map(({ at, attempt }, index) =>
      index === 0 ? `M${x(at)},${y(attempt)}` : `H${x(at)}V${y(attempt)}`,
    )
    .join('');
}

/** Between the earliest and the latest there can be. */
function bandPath(points: readonly Point[], x: Place, y: Place): string {
  if (points.length === 0) return '';
  const back = points
    .toReversed()
    .map(
      ({ latest, attempt }, index, all) =>
        `H${x(latest)}V${y((all[index + 1] ?? { attempt }).attempt)}`,
    )
    .join('');
  return `${stepPath(points, x, y)}${back}Z`;
}
