import { Button, List, Stack, Text } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { ApiError } from '../api/client.ts';
import classes from './failure.module.css';

/** What went wrong, in words; with the request's id, to find it in the log. */
export function Failure({ error, retry }: { error: Error; retry?: (() => unknown) | undefined }) {
  const { t } = useTranslation('kit');
  const problem = error instanceof ApiError ? error.problem : null;
  return (
    <div className={classes.failure} role="alert">
      <IconAlertTriangle size={20} aria-hidden />
      <Stack gap={4} className={classes.text}>
        <Text fw={600} size="sm">
          {t('failed.title')}
        </Text>
        <Text size="sm">{useExplanation(error)}</Text>
        {problem?.errors !== undefined && (
          <List size="sm">
            {problem.errors.map(({ path, message }) => (
              <List.Item key={path + message}>
                {path}: {message}
              </List.Item>
            ))}
          </List>
        )}
        {problem !== null && problem.requestId !== '' && (
          <Text size="xs">{t('failed.request', { id: problem.requestId })}</Text>
        )}
      </Stack>
      {retry !== undefined && (
        <Button size="compact-sm" variant="default" onClick={() => retry()}>
          {t('retry')}
        </Button>
      )}
    </div>
  );
}

function useExplanation(error: Error): string {
  const { t } = useTranslation('kit');
  if (!(error instanceof ApiError)) return error.message;
  const { status, detail } = error.problem;
  if (status === 0) return t('failed.unreachable');
  if (status === 403) return t('failed.forbidden');
  return status === 404 ? t('failed.notFound') : detail;
}
