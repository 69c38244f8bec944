import { Group } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import type { ReactNode } from 'react';
import classes from './parked.module.css';

/** Says loudly that something stands still until people decide, and offers (as children) what they can do. */
export function Parked(props: { title: string; text: ReactNode; children?: ReactNode }) {
  return (
    <section className={classes.parked} aria-label={props.title}>
      <IconAlertTriangle size={22} aria-hidden className={classes.icon} />
      <div className={classes.text}>
        <strong>{props.title}</strong>
        <div>{props.text}</div>
        {props.children !== undefined && (
          <Group gap="xs" mt={10}>
            {props.children}
          </Group>
        )}
      </div>
    </section>
  );
}
