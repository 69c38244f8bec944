import { Button, type ButtonProps, Tooltip } from '@mantine/core';

/**
 * A button that says why it cannot be pressed now.
 *
 * @param props.whyNot `null`: it can. Else it stays within reach of the keyboard, which reads the reason
 */
export function Act({
  whyNot,
  onClick,
  ...props
}: ButtonProps & { whyNot: string | null; onClick(): void; 'aria-label'?: string }) {
  if (whyNot === null) return <Button size="xs" {...props} onClick={onClick} />;
  return (
    <Tooltip label={whyNot} events={{ hover: true, focus: true, touch: true }} multiline maw={320}>
      <Button size="xs" {...props} data-disabled aria-disabled title={whyNot} />
    </Tooltip>
  );
}
