import { Paper, Stack, Text } from '@mantine/core';
import type { Icon } from '@tabler/icons-react';
import type { ReactNode } from 'react';

/** Nothing to show: why, and (as children) the next step. */
export function Empty(props: { icon: Icon; title: string; text: string; children?: ReactNode }) {
  return (
    <Paper withBorder p="xl">
      <Stack align="center" gap="xs" py="lg">
        <props.icon size={36} stroke={1.3} color="var(--mantine-color-dimmed)" aria-hidden />
        <Text fw={600}>{props.title}</Text>
        <Text size="sm" c="dimmed" ta="center" maw={460}>
          {props.text}
        </Text>
        {props.children}
      </Stack>
    </Paper>
  );
}
