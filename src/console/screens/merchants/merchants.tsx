import { Anchor, Button, Group } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconPlus, IconUsers } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { MERCHANTS, type Merchant, useRotateMerchant } from '../../api/merchants.ts';
import { usePages } from '../../api/pages.ts';
import { CopyId } from '../../kit/copy-id.tsx';
import { Empty } from '../../kit/empty.tsx';
import { type Column, List } from '../../kit/list.tsx';
import { Page } from '../../kit/page.tsx';
import { RotateSecret } from '../../kit/rotate-secret.tsx';
import { RowLink } from '../../kit/row-link.tsx';
import { Time } from '../../kit/time.tsx';
import { CreateMerchant } from './create.tsx';
import { RenameMerchant } from './rename.tsx';

/** Those who receive. */
export function Merchants() {
  const { t } = useTranslation('merchants');
  const [isCreating, creation] = useDisclosure(false);
  const pages = usePages<Merchant>(MERCHANTS);
  const columns: Column<Merchant>[] = [
    {
      name: 'name',
      header: t('columns.name'),
      cell: ({ id, name }) => <RowLink to={`/endpoints?merchant=${id}`}>{name}</RowLink>,
    },
    { name: 'id', header: t('columns.id'), cell: ({ id }) => <CopyId text={id} /> },
    { name: 'created', header: t('columns.created'), cell: (row) => <Time at={row.createdAt} /> },
    { name: 'actions', header: t('columns.actions'), cell: (row) => <Actions merchant={row} /> },
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
          <Empty icon={IconUsers} title={t('empty.title')} text={t('empty.text')}>
            {create}
          </Empty>
        }
      />
      <CreateMerchant isOpen={isCreating} close={creation.close} />
    </Page>
  );
}

function Actions({ merchant }: { merchant: Merchant }) {
  const { t } = useTranslation('merchants');
  const { t: secret } = useTranslation('secret');
  const [open, setOpen] = useState<'rename' | 'rotate' | null>(null);
  const rotate = useRotateMerchant();
  const button = { size: 'compact-xs', variant: 'default' } as const;
  const close = () => setOpen(null);
  return (
    <Group gap={6}>
      <Anchor component={Link} size="sm" to={`/endpoints?merchant=${merchant.id}`}>
        {t('endpoints')}
      </Anchor>
      <Button {...button} onClick={() => setOpen('rename')}>
        {t('rename.open')}
      </Button>
      <Button {...button} onClick={() => setOpen('rotate')}>
        {secret('rotate.open')}
      </Button>
      <RenameMerchant merchant={merchant} isOpen={open === 'rename'} close={close} />
      <RotateSecret
        isOpen={open === 'rotate'}
        close={close}
        act={(overlapSeconds) => rotate.mutateAsync({ id: merchant.id, overlapSeconds })}
      />
    </Group>
  );
}
