import { Group, Stack, Title } from '@mantine/core';
import { type ReactNode, useEffect } from 'react';

/** A screen: its title, also the tab's; what can be done here; and the rest. */
export function Page({
  title,
  heading,
  actions,
  children,
}: {
  title: string;
  /** In place of the title, where more than text is to be seen. */
  heading?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}) {
  useEffect(() => {
    document.title = `${title} · Postrider`;
  }, [title]);
  return (
    <Stack gap="md" maw={1280} mx="auto">
      <Group justify="space-between" gap="sm">
        <Title order={1}>{heading ?? title}</Title>
        {actions !== undefined && <Group gap="xs">{actions}</Group>}
      </Group>
      {children}
    </Stack>
  );
}
