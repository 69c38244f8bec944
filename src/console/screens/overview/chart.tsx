import 'uplot/dist/uPlot.min.css';
import { Paper, Title, useComputedColorScheme } from '@mantine/core';
import { useElementSize } from '@mantine/hooks';
import { useEffect, useRef } from 'react';
import { useTranslation } from 'react-i18next';
import uPlot from 'uplot';
import classes from './chart.module.css';

export interface Line {
  label: string;
  /** Names of variables of the theme. */
  stroke: string;
  fill?: string;
  /** Bars, drawn over those of the lines before; else a line. */
  isBar?: boolean;
  values: (number | null)[];
  /** What the legend says, where it is not the value that is drawn. */
  legend?(value: number | null, index: number | null): string;
}

const HEIGHT = 200;

/**
 * Values over time, with a legend that follows the pointer.
 *
 * @param props.summary the chart in a sentence, for those who cannot see it
 * @param props.at ms since 1970, one for each value
 */
export function Chart(props: {
  title: string;
  summary: string;
  at: number[];
  lines: Line[];
  format(value: number): string;
}) {
  const { i18n, t } = useTranslation('overview');
  const scheme = useComputedColorScheme();
  const { ref: frame, width } = useElementSize();
  const target = useRef<HTMLDivElement>(null);
  const { at, lines, format } = props;

  useEffect(() => {
    if (target.current === null || width === 0) return;
    const plot = new uPlot(
      optionsOf({ width, lines, format, language: i18n.language, timeLabel: t('time') }),
      [at.map((ms) => ms / 1000), ...lines.map(({ values }) => values)],
      target.current,
    );
    return () => plot.destroy();
    // The scheme changes what the variables of the theme stand for.
  }, [width, at, lines, format, i18n.language, t, scheme]);

  return (
    <Paper withBorder p="sm">
      <Title order={2} size="sm" mb={4}>
        {props.title}
      </Title>
      <div ref={frame} className={classes.frame} role="img" aria-label={props.summary}>
        <div ref={target} aria-hidden />
      </div>
    </Paper>
  );
}

function optionsOf(asked: {
  width: number;
  lines: Line[];
  format(value: number): string;
  language: string;
  timeLabel: string;
}): uPlot.Options {
  const { width, lines, format, language, timeLabel } = asked;
  const axis = { stroke: colour('--mantine-color-dimmed'), font: '12px system-ui' };
  const grid = { stroke: colour('--line'), width: 1 };
  const moment = new Intl.DateTimeFormat(language, {
    month: 'short',
    day: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  return {
    width,
    height: HEIGHT,
    padding: [8, 8, 0, 0],
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
    legend: { live: true },
    scales: { y: { range: (_plot, _min, max) => [0, max > 0 ? max * 1.05 : 1] } },
    axes: [
      { ...axis, grid: { show: false }, ticks: grid, values: timeTicks(language) },
      {
        ...axis,
        grid,
        ticks: { show: false },
        size: 62,
        values: (_plot, ticks) => ticks.map(format),
      },
    ],
    series: [
      {
        label: timeLabel,
        value: (_plot, value) => (value == null ? '—' : moment.format(value * 1000)),
      },
      ...lines.map(({ label, stroke, fill, isBar, legend }): uPlot.Series => {
        const bars = isBar ? uPlot.paths.bars?.({ size: [0.82, 40], align: 1 }) : undefined;
        return {
          label,
          stroke: colour(stroke),
          width: isBar ? 0 : 2,
          spanGaps: false,
          points: { show: isBar ? false : undefined, size: 4 },
          ...(fill !== undefined && { fill: colour(fill) }),
          ...(bars && { paths: bars }),
          value: (_plot, value: number | null, _series, index) =>
            legend?.(value, index) ?? (value == null ? '—' : format(value)),
        } as uPlot.Series;
      }),
    ],
  };
}

/** Hours within a day; the day itself where it begins. */
function timeTicks(language: string): uPlot.Axis.DynamicValues {
  const hour = new Intl.DateTimeFormat(language, {
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  const day = new Intl.DateTimeFormat(language, { month: 'short', day: 'numeric' });
  return (_plot, ticks) =>
    ticks.map((tick) => {
      const date = new Date(tick * 1000);
      const isMidnight = date.getHours() === 0 && date.getMinutes() === 0;
      return (isMidnight ? day : hour).format(date);
    });
}

function colour(variable: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(variable).trim();
}
