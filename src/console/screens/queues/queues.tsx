import { Button, Group } from '@mantine/core';
import { IconPlus, IconStack2 } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { usePages } from '../../api/pages.ts';
import type { Queue } from '../../api/queues.ts';
import { useSession } from '../../api/session.ts';
import { Empty } from '../../kit/empty.tsx';
import { type Column, List } from '../../kit/list.tsx';
import { Page } from '../../kit/page.tsx';
import { RowLink } from '../../kit/row-link.tsx';
import { Tag } from '../../kit/status.tsx';
import { describeSuccess } from './describe.ts';
import { writeSpan } from './span.ts';
import { Strip } from './strip.tsx';

/** The lanes, and how each of them goes on trying. */
export function Queues() {
  const { t } = useTranslation('queues');
  const { data: session } = useSession();
  const pages = usePages<Queue>('/v1/queues');
  const columns: Column<Queue>[] = [
    {
      name: 'name',
      header: t('columns.name'),
      cell: ({ name, preset }) => (
        <Group gap={8}>
          <RowLink to={`/queues/${name}`}>{name}</RowLink>
          {preset !== null && <Tag tone="busy">{t(`preset.${preset}`)}</Tag>}
        </Group>
      ),
    },
    { name: 'strip', header: t('columns.ladder'), cell: (queue) => <Strip queue={queue} /> },
    {
      name: 'rungs',
      header: t('columns.rungs'),
      align: 'right',
      cell: ({ ladderSeconds }) => ladderSeconds.length,
    },
    {
      name: 'deadline',
      header: t('field.deadlineSeconds'),
      align: 'right',
      cell: ({ deadlineSeconds }) => writeSpan(deadlineSeconds),
    },
    {
      name: 'success',
      header: t('field.success'),
      cell: ({ success }) => describeSuccess(success, t),
    },
    {
      name: 'timeout',
      header: t('field.timeoutMs'),
      align: 'right',
      cell: ({ timeoutMs }) => `${timeoutMs / 1000} s`,
    },
    {
      name: 'version',
      header: t('columns.version'),
      align: 'right',
      cell: ({ version }) => version,
    },
  ];
  return (
    <Page
      title={t('title')}
      actions={
        session?.role === 'operator' && (
          <Button
            component={Link}
            to="/queues/_new"
            size="xs"
            leftSection={<IconPlus size={14} aria-hidden />}
          >
            {t('new.open')}
          </Button>
        )
      }
    >
      <List
        label={t('title')}
        pages={pages}
        columns={columns}
        keyOf={({ name }) => name}
        empty={<Empty icon={IconStack2} title={t('empty.title')} text={t('empty.text')} />}
      />
    </Page>
  );
}
