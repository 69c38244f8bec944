import { Button, Group, Stack, Text } from '@mantine/core';
import { IconRefresh } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { usePages } from '../../api/pages.ts';
import { RESENDS, type ResendView } from '../../api/resends.ts';
import { shortId } from '../../kit/copy-id.tsx';
import { Empty } from '../../kit/empty.tsx';
import { type Column, List } from '../../kit/list.tsx';
import { count } from '../../kit/number.ts';
import { Page } from '../../kit/page.tsx';
import { RowLink } from '../../kit/row-link.tsx';
import { Time } from '../../kit/time.tsx';
import { filterWords } from './filter-words.ts';
import { JobProgress } from './job-progress.tsx';
import { JobState } from './job-state.tsx';

const REFRESH_MS = 3000;

/** Bulk re-sends, the newest first: what was sent again, by whom and why. */
export function Resends() {
  const { t } = useTranslation('resends');
  const pages = usePages<ResendView>(RESENDS, {}, { refreshMs: REFRESH_MS });
  return (
    <Page
      title={t('title')}
      actions={
        <Button
          component={Link}
          to="/resends/new"
          size="xs"
          leftSection={<IconRefresh size={15} aria-hidden />}
        >
          {t('new')}
        </Button>
      }
    >
      <List
        label={t('title')}
        pages={pages}
        columns={useColumns()}
        keyOf={({ id }) => id}
        empty={
          <Empty icon={IconRefresh} title={t('empty.title')} text={t('empty.text')}>
            <Button component={Link} to="/resends/new">
              {t('new')}
            </Button>
          </Empty>
        }
      />
    </Page>
  );
}

function useColumns(): Column<ResendView>[] {
  const { t, i18n } = useTranslation('resends');
  const { t: kit } = useTranslation('kit');
  return [
    {
      name: 'job',
      header: t('columns.job'),
      cell: ({ id, status }) => (
        <Group gap={8} wrap="nowrap">
          <JobState status={status} />
          <RowLink to={`/resends/${id}`}>
            <Text span inherit ff="monospace">
              {shortId(id)}
            </Text>
          </RowLink>
        </Group>
      ),
    },
    {
      name: 'progress',
      header: t('columns.progress'),
      cell: (job) => (
        <Stack gap={3} w="100%">
          <JobProgress job={job} size="sm" />
          <Text size="xs" c="dimmed">
            {t('of', {
              done: count(job.resent + job.skipped + job.failed, i18n.language),
              all: count(job.matched, i18n.language),
            })}
          </Text>
        </Stack>
      ),
    },
    {
      name: 'filter',
      header: t('columns.filter'),
      cell: ({ filter }) => (
        <Text size="sm" lineClamp={2}>
          {filterWords(filter, t, kit)
            .map(({ text }) => text)
            .join(' · ')}
        </Text>
      ),
    },
    {
      name: 'why',
      header: t('columns.why'),
      cell: ({ reason }) => (
        <Text size="sm" lineClamp={2}>
          {reason}
        </Text>
      ),
    },
    { name: 'who', header: t('columns.who'), cell: ({ createdBy }) => createdBy.name },
    {
      name: 'when',
      header: t('columns.when'),
      cell: ({ startedAt }) => <Time at={startedAt} />,
    },
  ];
}
