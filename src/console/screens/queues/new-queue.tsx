import { Button, Group, Paper, Skeleton, TextInput } from '@mantine/core';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useNavigate } from 'react-router';
import { ChangedMeanwhile, type Queue, usePutQueue, useQueue } from '../../api/queues.ts';
import { Failure } from '../../kit/failure.tsx';
import { Page } from '../../kit/page.tsx';
import { useToast } from '../../kit/toast.ts';
import { Editor, useEditing } from './editor.tsx';

const NAME = /^[a-z0-9][a-z0-9_-]{0,63}$/;
const DEFAULT_QUEUE = 'default';

/** A queue that is not there yet; it begins with the rules of the default one, which always is. */
export function NewQueue() {
  const { t } = useTranslation('queues');
  const { data, error, refetch } = useQueue(DEFAULT_QUEUE);
  return (
    <Page title={t('new.title')} back={{ to: '/queues', label: t('back') }}>
      {error !== null && <Failure error={error} retry={refetch} />}
      {data === undefined && error === null && <Skeleton height={400} />}
      {data !== undefined && <Create model={data} />}
    </Page>
  );
}

function Create({ model }: { model: Queue }) {
  const { t } = useTranslation('queues');
  const [name, setName] = useState('');
  const navigate = useNavigate();
  const put = usePutQueue();
  const toast = useToast();
  const editing = useEditing(model);
  const { rules } = editing.parsed;
  const isName = NAME.test(name);
  const create = async () => {
    if (rules === null) return;
    const queue = await put.mutateAsync({ name, rules, seenVersion: 0 });
    toast(t('saved', { name: queue.name, version: queue.version }));
    await navigate(`/queues/${queue.name}`);
  };
  return (
    <>
      <Paper withBorder p="sm">
        <Group align="flex-start" gap="sm">
          <TextInput
            label={t('new.name')}
            description={t('new.nameHint')}
            value={name}
            error={name !== '' && !isName && t('new.nameWrong')}
            onChange={(event) => setName(event.currentTarget.value)}
            maxLength={64}
            spellCheck={false}
            autoComplete="off"
            data-autofocus
            miw={260}
          />
          <Button
            mt={44}
            disabled={!isName || rules === null}
            loading={put.isPending}
            onClick={() => void create().catch(() => {})}
          >
            {t('new.create')}
          </Button>
        </Group>
        {put.error !== null && (
          <Failure
            error={put.error instanceof ChangedMeanwhile ? new Error(t('new.taken')) : put.error}
          />
        )}
      </Paper>
      <Editor name={model.name} editing={editing} />
    </>
  );
}
