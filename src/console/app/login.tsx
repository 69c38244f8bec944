import {
  Button,
  Center,
  Group,
  Image,
  Paper,
  PasswordInput,
  Stack,
  Text,
  Title,
} from '@mantine/core';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { ApiError } from '../api/client.ts';
import { useLogin } from '../api/session.ts';
import { Failure } from '../kit/failure.tsx';
import { LanguageButton, SchemeButton } from './preferences.tsx';

export function Login() {
  const { t } = useTranslation('shell');
  const login = useLogin();
  const [key, setKey] = useState('');
  const refusal = refusalOf(login.error);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (key.trim() !== '') login.mutate(key.trim());
  };
  return (
    <Center component="main" mih="100dvh" p="md">
      <Paper withBorder radius="lg" p="xl" maw={420} w="100%">
        <form onSubmit={submit}>
          <Stack>
            <Group justify="space-between">
              <Group gap="xs">
                <Image src="/console/icon.svg" alt="" w={28} h={28} />
                <Title order={1}>{t('brand')}</Title>
              </Group>
              <Group gap={4}>
                <LanguageButton />
                <SchemeButton />
              </Group>
            </Group>
            <Text size="sm" c="dimmed">
              {t('login.hint')}
            </Text>
            <PasswordInput
              label={t('login.key')}
              value={key}
              onChange={(event) => setKey(event.currentTarget.value)}
              autoComplete="current-password"
              spellCheck={false}
              data-autofocus
              autoFocus
              error={refusal === null ? null : t(`login.${refusal}`)}
            />
            {login.error !== null && refusal === null && <Failure error={login.error} />}
            <Button type="submit" loading={login.isPending}>
              {t('login.submit')}
            </Button>
            <Text size="xs" c="dimmed">
              {t('login.where')}
            </Text>
          </Stack>
        </form>
      </Paper>
    </Center>
  );
}

function refusalOf(error: Error | null): 'wrong' | 'producer' | 'tooMany' | null {
  if (!(error instanceof ApiError)) return null;
  const { status } = error.problem;
  if (status === 401 || status === 422) return 'wrong';
  if (status === 403) return 'producer';
  return status === 429 ? 'tooMany' : null;
}
