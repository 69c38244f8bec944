import { Button, Menu, Text } from '@mantine/core';
import { IconBook2, IconChevronDown, IconNotebook, IconRefresh } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type DifferenceView, type HandleAction, useHandle } from '../../api/recovery.ts';
import { AskReason } from '../../kit/ask-reason.tsx';
import { Tag } from '../../kit/status.tsx';
import { Time } from '../../kit/time.tsx';
import classes from './reconciliation.module.css';

const ICONS = { resend: IconRefresh, accept_ours: IconBook2, accept_theirs: IconNotebook } as const;

/** What was done about a difference, by whom and why; or the ways to settle it. */
export function Settle(props: { reconciliationId: string; difference: DifferenceView }) {
  const { t } = useTranslation('reconciliation');
  const { difference } = props;
  const handle = useHandle(props.reconciliationId);
  const [asking, ask] = useState<HandleAction>('resend');
  const [isOpen, open] = useState(false);
  if (difference.handled !== undefined) return <Handled by={difference.handled} />;
  const actions: HandleAction[] =
    difference.gateway === undefined
      ? ['accept_ours', 'accept_theirs']
      : ['resend', 'accept_ours', 'accept_theirs'];
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button
            size="compact-sm"
            variant="default"
            rightSection={<IconChevronDown size={14} aria-hidden />}
            aria-label={t('settleOne', { order: difference.businessKey })}
          >
            {t('settle')}
          </Button>
        </Menu.Target>
        <Menu.Dropdown maw={320}>
          {actions.map((action) => {
            const Icon = ICONS[action];
            return (
              <Menu.Item
                key={action}
                leftSection={<Icon size={16} aria-hidden />}
                onClick={() => {
                  ask(action);
                  open(true);
                }}
              >
                {t(`action.${action}`)}
                <Text size="xs" c="dimmed">
                  {t(`actionHint.${action}`)}
                </Text>
              </Menu.Item>
            );
          })}
        </Menu.Dropdown>
      </Menu>
      <AskReason
        title={t('ask', { order: difference.businessKey })}
        text={t(`actionHint.${asking}`)}
        submit={t(`action.${asking}`)}
        isOpen={isOpen}
        close={() => open(false)}
        act={(reason) => handle.mutateAsync({ number: difference.number, action: asking, reason })}
      />
    </>
  );
}

function Handled({
  by: { action, reason, by, at },
}: {
  by: NonNullable<DifferenceView['handled']>;
}) {
  const { t } = useTranslation('reconciliation');
  return (
    <span className={classes.handled}>
      <Tag tone="good">{t(`done.${action}`)}</Tag>
      <Text size="xs" c="dimmed" component="span" display="block" mt={2}>
        {by.name} · <Time at={at} />
      </Text>
      <Text size="xs" component="span" display="block">
        {reason === 'resend-missing' ? t('withAll') : reason}
      </Text>
    </span>
  );
}
