import { Button, Group, NativeSelect, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { RotatedSecret } from '../api/endpoints.ts';
import { Dialog } from './dialog.tsx';
import { Failure } from './failure.tsx';
import { SecretOnce } from './secret-once.tsx';
import { exactTime } from './time.tsx';

const OVERLAPS = { none: 0, hour: 3600, day: 86_400, week: 7 * 86_400 } as const;
const NAMES = ['none', 'hour', 'day', 'week'] as const;

/** Asks how long both secrets shall sign, makes a new one by `act`, and shows it once. */
export function RotateSecret(props: {
  isOpen: boolean;
  close(): void;
  act(overlapSeconds: number): Promise<RotatedSecret>;
}) {
  const { t, i18n } = useTranslation('secret');
  const { t: kit } = useTranslation('kit');
  const [overlap, setOverlap] = useState<keyof typeof OVERLAPS>('day');
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const [rotated, setRotated] = useState<RotatedSecret | null>(null);
  const act = async () => {
    setBusy(true);
    setError(null);
    try {
      setRotated(await props.act(OVERLAPS[overlap]));
      props.close();
    } catch (thrown) {
      setError(thrown instanceof Error ? thrown : new Error(String(thrown)));
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      <Dialog opened={props.isOpen} onClose={props.close} title={t('rotate.title')}>
        <Stack>
          <Text size="sm">{t('rotate.text')}</Text>
          <NativeSelect
            label={t('rotate.overlap')}
            value={overlap}
            data={NAMES.map((value) => ({ value, label: t(`rotate.overlaps.${value}`) }))}
            onChange={({ currentTarget: { value } }) =>
              setOverlap(NAMES.find((name) => name === value) ?? 'day')
            }
            data-autofocus
          />
          {error !== null && <Failure error={error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={props.close}>
              {kit('cancel')}
            </Button>
            <Button loading={isBusy} onClick={act}>
              {t('rotate.submit')}
            </Button>
          </Group>
        </Stack>
      </Dialog>
      <SecretOnce
        title={t('rotate.done')}
        secrets={rotated && [{ name: 'secret', text: rotated.secret }]}
        close={() => setRotated(null)}
      >
        {rotated !== null && overlap !== 'none' && (
          <Text size="sm">
            {t('rotate.until', { time: exactTime(rotated.previousSecretExpiresAt, i18n.language) })}
          </Text>
        )}
      </SecretOnce>
    </>
  );
}
