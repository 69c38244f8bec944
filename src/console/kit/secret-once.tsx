import { Button, Code, CopyButton, Group, Stack, Text } from '@mantine/core';
import type { ReactNode } from 'react';
import { useTranslation } from 'react-i18next';
import { Dialog } from './dialog.tsx';
import classes from './secret-once.module.css';

/**
 * What the gateway tells once and never again. Closed by its button alone: a click beside it must
 * not take away what nobody can bring back.
 *
 * @param props.secrets by what they are; `null`: nothing to show
 */
export function SecretOnce(props: {
  title: string;
  secrets: { name: 'key' | 'secret' | 'callbackSecret'; text: string }[] | null;
  children?: ReactNode;
  close(): void;
}) {
  const { t } = useTranslation('secret');
  return (
    <Dialog
      opened={props.secrets !== null}
      onClose={props.close}
      title={props.title}
      size="lg"
      closeOnClickOutside={false}
      closeOnEscape={false}
      withCloseButton={false}
    >
      <Stack>
        <Text size="sm">{t('once')}</Text>
        {props.secrets?.map(({ name, text }) => (
          <Stack key={name} gap={4}>
            <Text size="sm" fw={600}>
              {t(name)}
            </Text>
            <Group gap="xs" wrap="nowrap" align="flex-start">
              <Code className={classes.secret} aria-label={t(name)}>
                {text}
              </Code>
              <CopyButton value={text} timeout={1500}>
                {({ copied, copy }) => (
                  <Button size="xs" variant="default" onClick={copy} className={classes.button}>
                    {copied ? t('copied') : t('copy')}
                  </Button>
                )}
              </CopyButton>
            </Group>
          </Stack>
        ))}
        {props.children}
        <Group justify="flex-end">
          <Button onClick={props.close}>{t('done')}</Button>
        </Group>
      </Stack>
    </Dialog>
  );
}
