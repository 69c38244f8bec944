import { Anchor, Collapse, Stack, Text, Title, UnstyledButton } from '@mantine/core';
import { IconChevronDown } from '@tabler/icons-react';
import { useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { AuditEntryView } from '../../api/audit.ts';
import { CopyId, shortId } from '../../kit/copy-id.tsx';
import { Facts } from '../../kit/facts.tsx';
import { Tag } from '../../kit/status.tsx';
import { ExactTime, Time } from '../../kit/time.tsx';
import { Changes } from './changes.tsx';
import classes from './entry.module.css';

/** One changing call: in a line who did what, to what, and why; all of it when it is opened. */
export function Entry(props: {
  entry: AuditEntryView;
  /** Shows only those that have this in common. */
  narrow(filter: { key?: string; object?: string }): void;
}) {
  const { entry } = props;
  const [isOpen, open] = useState(false);
  const id = useId();
  return (
    <li className={classes.entry}>
      <UnstyledButton
        className={classes.summary}
        aria-expanded={isOpen}
        aria-controls={id}
        onClick={() => open(!isOpen)}
      >
        <span className={classes.time}>
          <Time at={entry.at} />
        </span>
        <span className={classes.who}>{entry.actor.name}</span>
        <strong className={classes.what}>{entry.action}</strong>
        <span className={classes.reason}>{entry.reason ?? shortObject(entry)}</span>
        <span className={classes.outcome}>
          <Outcome status={entry.status} />
        </span>
        <IconChevronDown size={16} className={classes.arrow} aria-hidden />
      </UnstyledButton>
      <Collapse expanded={isOpen} id={id}>
        {isOpen && <Detail {...props} />}
      </Collapse>
    </li>
  );
}

function shortObject({ object }: AuditEntryView): string {
  return object.id === null ? object.kind : shortId(object.id);
}

function Outcome({ status }: { status: number | null }) {
  const { t } = useTranslation('audit');
  if (status === null) return <Tag tone="busy">{t('running')}</Tag>;
  if (status < 400) return <Tag tone="good">{t('done', { status })}</Tag>;
  return <Tag tone="bad">{t('refused', { status })}</Tag>;
}

function Detail({ entry, narrow }: Parameters<typeof Entry>[0]) {
  const { t } = useTranslation('audit');
  const { actor, object } = entry;
  return (
    <div className={classes.detail}>
      <div className={classes.columns}>
        <Facts
          label={t('facts')}
          facts={[
            [t('when'), <ExactTime key="when" at={entry.at} />],
            [
              t('who'),
              <Stack key="who" gap={0}>
                <span>
                  {actor.name} ({t(`role.${actor.role}`)}
                  {actor.merchantId !== null && ` ${actor.merchantId}`})
                </span>
                <CopyId text={actor.keyId} />
                <Only narrow={() => narrow({ key: actor.keyId })} label={t('onlyKey')} />
              </Stack>,
            ],
            [t('action'), entry.action],
            [
              t('object'),
              <Stack key="object" gap={0}>
                <span>{object.kind}</span>
                {object.id !== null && (
                  <>
                    <CopyId text={object.id} />
                    <Only
                      narrow={() => narrow({ object: object.id ?? '' })}
                      label={t('onlyObject')}
                    />
                  </>
                )}
              </Stack>,
            ],
            [t('merchant'), entry.merchantId && <CopyId key="merchant" text={entry.merchantId} />],
            [t('reason'), entry.reason],
            [t('from'), entry.remoteAddress && <CopyId key="from" text={entry.remoteAddress} />],
            [t('request'), <CopyId key="request" text={entry.requestId} />],
            [t('id'), <CopyId key="id" text={entry.id} />],
          ]}
        />
        <Stack gap="sm">
          {entry.asked !== null && (
            <section>
              <Title order={3} size="sm" mb={4}>
                {t('asked')}
              </Title>
              <Changes before={entry.asked} after={entry.asked} isWhole />
            </section>
          )}
          <section>
            <Title order={3} size="sm" mb={4}>
              {t('changed')}
            </Title>
            {entry.before === null && entry.after === null ? (
              <Text size="sm" c="dimmed">
                {t('noState')}
              </Text>
            ) : (
              <Changes before={entry.before} after={entry.after} />
            )}
          </section>
        </Stack>
      </div>
    </div>
  );
}

function Only({ narrow, label }: { narrow(): void; label: string }) {
  return (
    <Anchor component="button" type="button" size="xs" ta="left" w="fit-content" onClick={narrow}>
      {label}
    </Anchor>
  );
}
