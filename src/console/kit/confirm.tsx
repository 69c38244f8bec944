import { Button, Group, Stack, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Dialog } from './dialog.tsx';
import { Failure } from './failure.tsx';

/** Asks once more, where the API takes no reason. Closes itself when `act` has resolved. */
export function Confirm(props: {
  title: string;
  text: string;
  submit: string;
  tone?: 'bad';
  isOpen: boolean;
  close(): void;
  act(): Promise<unknown>;
}) {
  const { t } = useTranslation('kit');
  const acting = useMutation({ mutationFn: props.act, onSuccess: props.close });
  return (
    <Dialog opened={props.isOpen} onClose={props.close} title={props.title}>
      <Stack>
        <Text size="sm">{props.text}</Text>
        {acting.error !== null && <Failure error={acting.error} />}
        <Group justify="flex-end">
          <Button variant="default" onClick={props.close}>
            {t('cancel')}
          </Button>
          <Button
            data-autofocus
            loading={acting.isPending}
            onClick={() => acting.mutate()}
            {...(props.tone === 'bad' && { color: 'red.8', autoContrast: true })}
          >
            {props.submit}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
