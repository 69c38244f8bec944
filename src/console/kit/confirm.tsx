import { Button, Group, Stack, Text } from '@mantine/core';
import { useMutation } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Dialog } from './dialog.tsx';
import { Failure } from './failure.tsx';

/**
 * Asks once more, where the API takes no reason. Closes itself when `act` has resolved.
 *
 * @param props.tone `bad`: something is taken away, and the focus begins at the way back
 * @param props.explain what to show for some error in place of its text; `null`: nothing better is known
 */
export function Confirm(props: {
  title: string;
  text: ReactNode;
  submit: string;
  tone?: 'bad';
  isOpen: boolean;
  close(): void;
  act(): Promise<unknown>;
  explain?(error: Error): ReactNode;
}) {
  const { t } = useTranslation('kit');
  const acting = useMutation({ mutationFn: props.act, onSuccess: props.close });
  const close = () => {
    acting.reset();
    props.close();
  };
  const { error } = acting;
  const isBad = props.tone === 'bad';
  return (
    <Dialog opened={props.isOpen} onClose={close} title={props.title}>
      <Stack>
        <Text size="sm" component="div">
          {props.text}
        </Text>
        {error !== null && (props.explain?.(error) ?? <Failure error={error} />)}
        <Group justify="flex-end">
          <Button variant="default" onClick={close} data-autofocus={isBad || undefined}>
            {t('cancel')}
          </Button>
          <Button
            data-autofocus={!isBad || undefined}
            loading={acting.isPending}
            onClick={() => acting.mutate()}
            {...(isBad && { color: 'red.8', autoContrast: true })}
          >
            {props.submit}
          </Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
