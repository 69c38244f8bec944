import { Anchor, Group, Paper, Skeleton, Stack } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link, useParams, useSearchParams } from 'react-router';
import { type Message as MessageView, useMessage } from '../../api/messages.ts';
import { CopyId, shortId } from '../../kit/copy-id.tsx';
import { Facts } from '../../kit/facts.tsx';
import { Failure } from '../../kit/failure.tsx';
import { Page } from '../../kit/page.tsx';
import { duration, ExactTime } from '../../kit/time.tsx';
import detail from '../detail/detail.module.css';
import { BadOutcome, MessageState } from '../messages/state.tsx';
import { Actions } from './actions.tsx';
import { Checks } from './checks.tsx';
import { Deliveries } from './deliveries.tsx';
import { MessagePhases } from './phases.tsx';

const SECOND = 1000;

/** One reliable message: how far it is, what its producer was asked, where it went, what to do about it. */
export function Message() {
  const { t } = useTranslation('message');
  const { id = '' } = useParams();
  const [params] = useSearchParams();
  const { data, error, refetch } = useMessage({ id, producer: params.get('producer') });
  const title = t('title', { order: data?.businessKey ?? id });
  // What happens now comes first.
  const isDecided = data !== undefined && data.decidedAt !== null;
  return (
    <Page
      title={title}
      heading={data === undefined ? title : <Heading message={data} />}
      back={{ to: '/messages', label: t('back') }}
    >
      {error !== null && <Failure error={error} retry={refetch} />}
      {data === undefined && error === null && <Skeleton height={240} />}
      {data !== undefined && (
        <>
          <Actions message={data} />
          <Paper withBorder p="md">
            <MessagePhases message={data} />
          </Paper>
          <div className={detail.columns}>
            <Stack gap="md" miw={0}>
              {isDecided && <Deliveries message={data} />}
              {data.check !== null && <Checks message={data} check={data.check} />}
              {!isDecided && <Deliveries message={data} />}
            </Stack>
            <About message={data} />
          </div>
        </>
      )}
    </Page>
  );
}

function Heading({ message }: { message: MessageView }) {
  return (
    <Group gap="xs" component="span">
      <CopyId text={message.businessKey} />
      <MessageState status={message.status} />
      <BadOutcome outcome={message.outcome} />
    </Group>
  );
}

function About({ message }: { message: MessageView }) {
  const { t } = useTranslation('message');
  const { producerKeyId, checkUrl, notificationId, eventId, suspendedAt } = message;
  const waits = {
    check: duration(message.checkAfterSeconds * SECOND),
    completion: duration(message.completeAfterSeconds * SECOND),
  };
  return (
    <Paper withBorder p="sm">
      <Facts
        label={t('facts.label')}
        facts={[
          [t('facts.id'), <CopyId key="id" text={message.id} />],
          [
            t('facts.producer'),
            producerKeyId && (
              <CopyId key="producer" text={producerKeyId} shown={shortId(producerKeyId)} />
            ),
          ],
          [t('facts.merchant'), <CopyId key="merchant" text={message.merchantId} />],
          [t('facts.type'), message.type],
          [t('facts.event'), eventId && <CopyId key="event" text={eventId} />],
          [t('facts.checkUrl'), checkUrl && <CopyId key="url" text={checkUrl} />],
          [t('facts.checkAfter'), checkUrl && waits.check],
          [
            t('facts.completion'),
            t(`completion.${message.completion}`, { time: waits.completion }),
          ],
          [t('facts.reason'), message.reason],
          [t('facts.prepared'), <ExactTime key="prepared" at={message.preparedAt} />],
          [t('facts.suspended'), suspendedAt && <ExactTime key="suspended" at={suspendedAt} />],
          [
            t('facts.notification'),
            notificationId && (
              <Anchor
                key="notification"
                component={Link}
                to={`/notifications/${notificationId}`}
                inherit
                underline="always"
              >
                {shortId(notificationId)}
              </Anchor>
            ),
          ],
        ]}
      />
    </Paper>
  );
}
