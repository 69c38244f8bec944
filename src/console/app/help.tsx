import { Group, Kbd, Stack, Text } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useSession } from '../api/session.ts';
import { Dialog } from '../kit/dialog.tsx';
import { screensFor } from './screens.ts';

/** The keys that do something everywhere. */
export function Help({ isOpen, close }: { isOpen: boolean; close(): void }) {
  const { t } = useTranslation('shell');
  const { data: session } = useSession();
  const jumps = screensFor(session?.role ?? 'merchant').flatMap(({ menu }) => menu ?? []);
  return (
    <Dialog opened={isOpen} onClose={close} title={t('help.title')}>
      <Stack gap="xs">
        <Line keys={['/']} does={t('help.search')} />
        {jumps.map(({ key, name }) => (
          <Line key={key} keys={['g', key]} does={t('help.go', { screen: t(`menu.${name}`) })} />
        ))}
        <Line keys={['j']} does={t('help.nextRow')} />
        <Line keys={['k']} does={t('help.rowBefore')} />
        <Line keys={['?']} does={t('help.help')} />
      </Stack>
    </Dialog>
  );
}

function Line({ keys: [first, second], does }: { keys: [string, string?]; does: string }) {
  const { t } = useTranslation('shell');
  return (
    <Group justify="space-between">
      <Text size="sm">{does}</Text>
      <Group gap={4}>
        <Kbd>{first}</Kbd>
        {second !== undefined && (
          <>
            <Text size="xs" c="dimmed">
              {t('help.thenKey')}
            </Text>
            <Kbd>{second}</Kbd>
          </>
        )}
      </Group>
    </Group>
  );
}
