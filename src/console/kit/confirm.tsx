import { Button, Group, Stack, Text } from '@mantine/core';
import { type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Dialog } from './dialog.tsx';
import { Failure } from './failure.tsx';

/**
 * Asks once more before something is taken away. Closes itself when `act` has resolved.
 *
 * @param props.explain what to show for some error in place of its text; `null`: nothing better is known
 */
export function Confirm(props: {
  title: string;
  text: ReactNode;
  submit: string;
  isOpen: boolean;
  close(): void;
  act(): Promise<unknown>;
  explain?(error: Error): ReactNode;
}) {
  const { t } = useTranslation('kit');
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const close = () => {
    setError(null);
    props.close();
  };
  const act = async () => {
    setBusy(true);
    setError(null);
    try {
      await props.act();
      close();
    } catch (thrown) {
      setError(thrown instanceof Error ? thrown : new Error(String(thrown)));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog opened={props.isOpen} onClose={close} title={props.title}>
      <Stack>
        <Text size="sm" component="div">
          {props.text}
        </Text>
        {error !== null && (props.explain?.(error) ?? <Failure error={error} />)}
        <Group justify="flex-end">
          <Button variant="default" onClick={close} data-autofocus>
            {t('cancel')}
          </Button>
          <Button color="red.8" autoContrast loading={isBusy} onClick={act}>
            {props.submit}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
