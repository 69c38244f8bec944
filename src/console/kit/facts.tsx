import type { ReactNode } from 'react';
import classes from './facts.module.css';

/** Names and what they stand for; null and undefined are left out. */
export function Facts(props: {
  label: string;
  facts: readonly (readonly [name: string, value: ReactNode])[];
}) {
  const shown = props.facts.filter(([, value]) => value !== null && value !== undefined);
  return (
    <dl className={classes.facts} aria-label={props.label}>
      {shown.flatMap(([name, value]) => [
        <dt key={`${name} name`}>{name}</dt>,
        <dd key={name}>{value}</dd>,
      ])}
    </dl>
  );
}
