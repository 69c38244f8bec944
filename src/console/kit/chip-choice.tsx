import { Chip, Group } from '@mantine/core';
import classes from './status.module.css';

/** Some of a few, each of them always to be seen; none of them means all. */
export function ChipChoice(props: {
  label: string;
  options: readonly { value: string; label: string }[];
  chosen: readonly string[];
  choose(values: string[]): void;
}) {
  return (
    <Chip.Group multiple value={[...props.chosen]} onChange={props.choose}>
      <Group gap={6} role="group" aria-label={props.label}>
        {props.options.map(({ value, label }) => (
          <Chip
            key={value}
            value={value}
            size="xs"
            variant="outline"
            classNames={{ label: classes.chip }}
          >
            {label}
          </Chip>
        ))}
      </Group>
    </Chip.Group>
  );
}
