import { Button, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconKey, IconPlus } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { KEYS, type Key, useRevokeKey } from '../../api/keys.ts';
import { usePages } from '../../api/pages.ts';
import { useSession } from '../../api/session.ts';
import { Confirm } from '../../kit/confirm.tsx';
import { CopyId, shortId } from '../../kit/copy-id.tsx';
import { Empty } from '../../kit/empty.tsx';
import { type Column, List } from '../../kit/list.tsx';
import { useNow } from '../../kit/now.ts';
import { Page } from '../../kit/page.tsx';
import { Tag } from '../../kit/status.tsx';
import { Time } from '../../kit/time.tsx';
import { useToast } from '../../kit/toast.ts';
import { CreateKey } from './create.tsx';

const MINUTE = 60_000;

/** Who may call, since when, until when, and whether anybody still does. */
export function Keys() {
  const { t } = useTranslation('keys');
  const { t: kit } = useTranslation('kit');
  const [isCreating, creation] = useDisclosure(false);
  const pages = usePages<Key>(KEYS);
  const timeOr = (at: string | null, none: string) => (at === null ? none : <Time at={at} />);
  const columns: Column<Key>[] = [
    { name: 'name', header: t('columns.name'), cell: ({ name }) => name },
    {
      name: 'role',
      header: t('columns.role'),
      cell: ({ role }) => t(`roles.${role}`),
    },
    {
      name: 'merchant',
      header: t('columns.merchant'),
      cell: ({ merchantId, merchants }) =>
        merchantId !== null ? <CopyId text={merchantId} /> : (merchants?.join(', ') ?? t('all')),
    },
    { name: 'scope', header: t('columns.scope'), cell: (key) => <Scope of={key} /> },
    { name: 'state', header: t('columns.state'), cell: (key) => <State of={key} /> },
    {
      name: 'used',
      header: t('columns.used'),
      cell: ({ lastUsedAt }) => timeOr(lastUsedAt, t('never')),
    },
    {
      name: 'expires',
      header: t('columns.expires'),
      cell: ({ expiresAt }) => timeOr(expiresAt, t('lives.never')),
    },
    {
      name: 'id',
      header: t('columns.id'),
      cell: ({ id }) => <CopyId text={id} shown={shortId(id)} />,
    },
    {
      name: 'actions',
      header: t('columns.actions'),
      cell: (key) => (key.revokedAt === null ? <Revoke target={key} /> : kit('none')),
    },
  ];
  const create = (
    <Button size="xs" leftSection={<IconPlus size={14} aria-hidden />} onClick={creation.open}>
      {t('create.open')}
    </Button>
  );
  return (
    <Page title={t('title')} actions={create}>
      <List
        label={t('title')}
        pages={pages}
        columns={columns}
        keyOf={({ id }) => id}
        empty={
          <Empty icon={IconKey} title={t('empty.title')} text={t('empty.text')}>
            {create}
          </Empty>
        }
      />
      <CreateKey isOpen={isCreating} close={creation.close} />
    </Page>
  );
}

/** The names are those of the API, in any language. */
function Scope({ of: { calls, networks } }: { of: Key }) {
  const { t } = useTranslation('keys');
  if (calls === null && networks === null) return t('scope.all');
  return (
    <Stack gap={0}>
      {calls !== null && <Text size="sm">{calls.join(', ')}</Text>}
      {networks !== null && (
        <Text size="sm" c="dimmed">
          {t('scope.from', { networks: networks.join(', ') })}
        </Text>
      )}
    </Stack>
  );
}

function State({ of: { revokedAt, expiresAt } }: { of: Key }) {
  const { t } = useTranslation('keys');
  const nowMs = useNow(MINUTE);
  if (revokedAt !== null) return <Tag tone="bad">{t('states.revoked')}</Tag>;
  const isExpired = expiresAt !== null && Date.parse(expiresAt) <= nowMs;
  return isExpired ? (
    <Tag tone="idle">{t('states.expired')}</Tag>
  ) : (
    <Tag tone="good">{t('states.live')}</Tag>
  );
}

function Revoke({ target: { id, name } }: { target: Key }) {
  const { t } = useTranslation('keys');
  const { data: session } = useSession();
  const [isOpen, dialog] = useDisclosure(false);
  const revoke = useRevokeKey();
  const toast = useToast();
  return (
    <>
      <Button
        size="compact-xs"
        variant="default"
        onClick={dialog.open}
        aria-label={t('revoke.of', { name })}
      >
        {t('revoke.open')}
      </Button>
      <Confirm
        tone="bad"
        title={t('revoke.of', { name })}
        text={
          <>
            {t('revoke.text')}
            {session?.keyId === id && (
              <Text size="sm" mt="xs" fw={600} c="var(--bad)">
                {t('revoke.own')}
              </Text>
            )}
          </>
        }
        submit={t('revoke.submit')}
        isOpen={isOpen}
        close={dialog.close}
        act={async () => {
          await revoke.mutateAsync(id);
          toast(t('revoke.done', { name }));
        }}
      />
    </>
  );
}
