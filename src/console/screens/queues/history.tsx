import { Button, Group, Paper, Text, Title } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { AuditEntryView } from '../../../features/audit/contract.ts';
import { usePages } from '../../api/pages.ts';
import type { Queue, Rules } from '../../api/queues.ts';
import { Failure } from '../../kit/failure.tsx';
import { Tag } from '../../kit/status.tsx';
import { Time } from '../../kit/time.tsx';
import { changesBetween } from './describe.ts';
import classes from './editor.module.css';
import { Changes } from './review.tsx';

/** The versions of a queue as the audit log kept them: who, when, what changed; any can be taken up again. */
export function History({ queue, take }: { queue: Queue; take(rules: Rules): void }) {
  const { t } = useTranslation('queues');
  const { t: kit } = useTranslation('kit');
  const pages = usePages<AuditEntryView>(
    '/v1/audit-log',
    { objectKind: 'queue', objectId: queue.name, action: 'queue.put' },
    { limit: 10 },
  );
  const versions = pages.rows.flatMap(versionOf);
  return (
    <Paper withBorder p="sm">
      <Title order={2} size="sm" mb={4}>
        {t('history.title')}
      </Title>
      {pages.error !== null && <Failure error={pages.error} retry={pages.refetch} />}
      {!pages.isPending && versions.length === 0 && (
        <Text size="sm" c="dimmed">
          {t('history.none')}
        </Text>
      )}
      <ul className={classes.history}>
        {versions.map(({ entry, after, before }) => {
          const { name: _name, version, ...rules } = after;
          return (
            <li key={entry.id}>
              <Group gap="xs" justify="space-between">
                <Group gap="xs">
                  <Tag tone={version === queue.version ? 'good' : 'idle'}>
                    {t('version', { version })}
                  </Tag>
                  <Text size="sm">
                    {entry.actor.name} · <Time at={entry.at} />
                  </Text>
                </Group>
                {version !== queue.version && (
                  <Button size="compact-xs" variant="default" onClick={() => take(rules)}>
                    {t('history.take')}
                  </Button>
                )}
              </Group>
              {before === null ? (
                <Text size="sm" c="dimmed">
                  {t('history.created')}
                </Text>
              ) : (
                <Changes changes={changesBetween(before, after, t)} />
              )}
            </li>
          );
        })}
      </ul>
      {pages.hasMore && (
        <Button
          size="compact-sm"
          variant="default"
          onClick={pages.loadMore}
          loading={pages.isLoadingMore}
        >
          {kit('more')}
        </Button>
      )}
    </Paper>
  );
}

/** Only what made a new version: the same rules again change nothing. */
function versionOf(entry: AuditEntryView) {
  const after = entry.after as Queue | null;
  const before = entry.before as Queue | null;
  if (after === null || entry.status !== 200 || before?.version === after.version) return [];
  return [{ entry, after, before }];
}
