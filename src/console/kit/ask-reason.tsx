import { Button, Group, Stack, Text, Textarea } from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Dialog } from './dialog.tsx';
import { Failure } from './failure.tsx';

/**
 * Asks once more before something is done, and why. Closes itself when `act` has resolved.
 *
 * @param props.act gets the reason; what it throws is shown
 * @param props.tone `bad`: it takes something away
 */
export function AskReason(props: {
  title: string;
  text: string;
  submit: string;
  tone?: 'bad';
  isOpen: boolean;
  close(): void;
  act(reason: string): Promise<unknown>;
}) {
  const { t } = useTranslation('kit');
  const [reason, setReason] = useState('');
  const [state, setState] = useState<{ isBusy: boolean; error: Error | null }>(IDLE);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setState({ isBusy: true, error: null });
    try {
      await props.act(reason.trim());
      setState(IDLE);
      setReason('');
      props.close();
    } catch (error) {
      setState({ isBusy: false, error: error instanceof Error ? error : new Error(String(error)) });
    }
  };
  return (
    <Dialog opened={props.isOpen} onClose={props.close} title={props.title}>
      <form onSubmit={submit}>
        <Stack>
          <Text size="sm">{props.text}</Text>
          <Textarea
            label={t('reason')}
            description={t('reasonHint')}
            value={reason}
            onChange={(event) => setReason(event.currentTarget.value)}
            maxLength={500}
            required
            autosize
            minRows={2}
            data-autofocus
          />
          {state.error !== null && <Failure error={state.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={props.close}>
              {t('cancel')}
            </Button>
            <Button
              type="submit"
              loading={state.isBusy}
              disabled={reason.trim() === ''}
              {...(props.tone === 'bad' && { color: 'red.8', autoContrast: true })}
            >
              {props.submit}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}

const IDLE = { isBusy: false, error: null };
