import { Paper, Text } from '@mantine/core';
import type { Tone } from '../../kit/status.tsx';
import classes from './tile.module.css';

/** One figure, what it is, and what else is to be known of it. */
export function Tile(props: { name: string; value: string; more: string; tone?: Tone }) {
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
