import { Group, Stack, Title } from '@mantine/core';
import { type ComponentProps, type ReactNode, useEffect } from 'react';
import { Back } from './back.tsx';

/** A screen: its title, also the tab's; what can be done here; and the rest. */
export function Page({
  title,
  heading,
  back,
  actions,
  children,
}: {
  title: string;
  /** In place of the title, where more than text is to be seen. */
  heading?: ReactNode;
  /** The list that it comes from. */
  back?: ComponentProps<typeof Back>;
  actions?: ReactNode;
  children: ReactNode;
}) {
  useEffect(() => {
    document.title = `${title} · Postrider`;
  }, [title]);
  return (
    <Stack gap="md" maw={1280} mx="auto">
      <Group justify="space-between" gap="sm">
        <Group gap={8} wrap="nowrap" miw={0}>
          {back !== undefined && <Back {...back} />}
          <Title order={1} miw={0}>
            {heading ?? title}
          </Title>
        </Group>
        {actions !== undefined && <Group gap="xs">{actions}</Group>}
      </Group>
      {children}
    </Stack>
  );
}
