import { Anchor, Button, Group, Skeleton, Text, Title } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconTrash } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate, useParams } from 'react-router';
import { isCode } from '../../api/client.ts';
import { type Queue as QueueView, useDeleteQueue, useQueue } from '../../api/queues.ts';
import { useSession } from '../../api/session.ts';
import { Confirm } from '../../kit/confirm.tsx';
import { Facts } from '../../kit/facts.tsx';
import { Failure } from '../../kit/failure.tsx';
import { Page } from '../../kit/page.tsx';
import { Tag } from '../../kit/status.tsx';
import { describe } from './describe.ts';
import { Editor, Reading, useEditing } from './editor.tsx';
import { History } from './history.tsx';
import { Review } from './review.tsx';

/** The gateway cannot do without them. */
const PERMANENT: readonly string[] = ['default', 'tcc-try', 'tcc-second', 'producer-callbacks'];

/** One queue: when its attempts come, and by which rules; operators write them over. */
export function Queue() {
  const { t } = useTranslation('queues');
  const { name = '' } = useParams();
  const { data: session } = useSession();
  const { data: queue, error, refetch } = useQueue(name);
  const isOperator = session?.role === 'operator';
  return (
    <Page
      title={t('one', { name })}
      heading={<Heading name={name} queue={queue} />}
      back={{ to: '/queues', label: t('back') }}
      actions={
        isOperator && !PERMANENT.includes(name) && queue !== undefined && <Delete name={name} />
      }
    >
      {error !== null && <Failure error={error} retry={refetch} />}
      {queue === undefined && error === null && <Skeleton height={400} />}
      {queue !== undefined && isOperator && <Editable key={name} found={queue} />}
      {queue !== undefined && !isOperator && (
        <Reading name={name} rules={queue} facts={<About queue={queue} />} />
      )}
    </Page>
  );
}

function Heading({ name, queue }: { name: string; queue: QueueView | undefined }) {
  const { t } = useTranslation('queues');
  return (
    <Group gap={8} component="span">
      {name}
      {queue !== undefined && (
        <>
          <Tag tone="idle">{t('version', { version: queue.version })}</Tag>
          {queue.preset !== null && <Tag tone="busy">{t(`preset.${queue.preset}`)}</Tag>}
        </>
      )}
    </Group>
  );
}

function Editable({ found }: { found: QueueView }) {
  // What was read first is what one edits; a version somebody else saves meanwhile is found by saving.
  const [queue, setQueue] = useState(found);
  const editing = useEditing(queue);
  return (
    <>
      <Editor name={queue.name} editing={editing}>
        <History queue={queue} take={editing.load} />
      </Editor>
      <Review
        queue={queue}
        rules={editing.parsed.rules}
        discard={() => {
          setQueue(found);
          editing.load(found);
        }}
        saved={(saved) => {
          setQueue(saved);
          editing.load(saved);
        }}
      />
    </>
  );
}

function Delete({ name }: { name: string }) {
  const { t } = useTranslation('queues');
  const [isOpen, dialog] = useDisclosure(false);
  const remove = useDeleteQueue();
  const navigate = useNavigate();
  return (
    <>
      <Button
        size="xs"
        variant="default"
        leftSection={<IconTrash size={14} aria-hidden />}
        onClick={dialog.open}
      >
        {t('delete.open')}
      </Button>
      <Confirm
        tone="bad"
        title={t('delete.title', { name })}
        text={t('delete.text')}
        submit={t('delete.submit')}
        isOpen={isOpen}
        close={dialog.close}
        act={async () => {
          await remove.mutateAsync(name);
          await navigate('/queues');
        }}
        explain={(error) => isCode(error, 'queue_not_empty') && <NotEmpty name={name} />}
      />
    </>
  );
}

function NotEmpty({ name }: { name: string }) {
  const { t } = useTranslation('queues');
  return (
    <Text size="sm" role="alert">
      {t('delete.notEmpty')}{' '}
      <Anchor
        component={Link}
        size="sm"
        to={`/notifications?queue=${encodeURIComponent(name)}&status=pending`}
      >
        {t('delete.show')}
      </Anchor>
    </Text>
  );
}

function About({ queue }: { queue: QueueView }) {
  const { t } = useTranslation('queues');
  const { name: _name, version: _version, ...rules } = queue;
  return (
    <>
      <Title order={2} size="sm" mb={6}>
        {t('rules')}
      </Title>
      <Facts
        label={t('rules')}
        facts={describe(rules, t).map(({ label, text }) => [label, text] as const)}
      />
    </>
  );
}
