import { Button, Group, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useTranslation } from 'react-i18next';
import { ChangedMeanwhile, type Queue, type Rules, usePutQueue } from '../../api/queues.ts';
import { Dialog } from '../../kit/dialog.tsx';
import { Failure } from '../../kit/failure.tsx';
import { useToast } from '../../kit/toast.ts';
import { type Change, changesBetween } from './describe.ts';
import classes from './editor.module.css';

/**
 * Sticks to the foot of the page while something is not saved: says what, shows the change, saves it.
 *
 * @param props.rules `null`: what is written makes no sense yet
 */
export function Review(props: {
  queue: Queue;
  rules: Rules | null;
  discard(): void;
  saved(queue: Queue): void;
}) {
  const { t } = useTranslation('queues');
  const { t: kit } = useTranslation('kit');
  const { queue, rules } = props;
  const [isOpen, dialog] = useDisclosure(false);
  const put = usePutQueue();
  const toast = useToast();
  const changes = rules === null ? [] : changesBetween(queue, rules, t);
  const save = async () => {
    if (rules === null) return;
    const saved = await put.mutateAsync({ name: queue.name, rules, seenVersion: queue.version });
    dialog.close();
    toast(t('saved', { name: saved.name, version: saved.version }));
    props.saved(saved);
  };
  if (rules !== null && changes.length === 0) return null;
  const what = changes.map(({ label }) => label).join(', ');
  return (
    <div className={classes.bar} role="status">
      <Text size="sm">{rules === null ? t('review.wrong') : t('review.unsaved', { what })}</Text>
      <Group gap="xs">
        <Button variant="default" size="xs" onClick={props.discard}>
          {t('review.discard')}
        </Button>
        <Button size="xs" disabled={rules === null} onClick={dialog.open}>
          {t('review.open')}
        </Button>
      </Group>
      <Dialog opened={isOpen} onClose={dialog.close} title={t('review.title')} size="lg">
        <Stack>
          <Changes changes={changes} />
          <Text size="sm" c="dimmed">
            {t('review.note', { version: queue.version + 1 })}
          </Text>
          {put.error instanceof ChangedMeanwhile ? (
            <Failure error={new Error(t('review.meanwhile'))} />
          ) : (
            put.error !== null && <Failure error={put.error} />
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={dialog.close}>
              {kit('cancel')}
            </Button>
            <Button
              loading={put.isPending}
              onClick={() => void save().catch(() => {})}
              data-autofocus
            >
              {t('review.save')}
            </Button>
          </Group>
        </Stack>
      </Dialog>
    </div>
  );
}

export function Changes({ changes }: { changes: readonly Change[] }) {
  return (
    <dl className={classes.changes}>
      {changes.map(({ name, label, before, after }) => (
        <div key={name}>
          <dt>{label}</dt>
          <dd>
            <del>{before}</del> → <ins>{after}</ins>
          </dd>
        </div>
      ))}
    </dl>
  );
}
