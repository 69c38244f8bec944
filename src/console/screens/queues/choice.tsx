import { SegmentedControl } from '@mantine/core';

/** One of a few, all of them to be seen. */
export function Choice<Name extends string>(props: {
  label: string;
  value: Name | null;
  choices: readonly { value: Name; label: string }[];
  choose(name: Name): void;
}) {
  return (
    <SegmentedControl
      size="xs"
      aria-label={props.label}
      value={props.value ?? ''}
      data={[...props.choices]}
      onChange={(value) => {
        const chosen = props.choices.find((choice) => choice.value === value);
        if (chosen !== undefined) props.choose(chosen.value);
      }}
    />
  );
}
