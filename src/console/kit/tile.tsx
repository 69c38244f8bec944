import { Paper, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import type { Tone } from './status.tsx';
import classes from './tile.module.css';

/** Figures beside each other, as many as fit. */
export function Tiles({ label, children }: { label: string; children: ReactNode }) {
  return (
    <dl className={classes.tiles} aria-label={label}>
      {children}
    </dl>
  );
}

/** One figure, what it is, and what else is to be known of it. */
export function Tile(props: {
  name: string;
  value: ReactNode;
  more: ReactNode;
  tone?: Tone | undefined;
}) {
  return (
    <Paper withBorder className={classes.tile} data-tone={props.tone}>
      <dt className={classes.name}>{props.name}</dt>
      <dd className={classes.value}>{props.value}</dd>
      <Text component="dd" size="xs" c="dimmed" m={0}>
        {props.more}
      </Text>
    </Paper>
  );
}
