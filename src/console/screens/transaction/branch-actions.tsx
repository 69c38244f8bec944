import { Group } from '@mantine/core';
import { IconChecks, IconRefresh } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { type Branch, type Transaction, useActOnTransaction } from '../../api/transactions.ts';
import { Act } from '../../kit/act.tsx';
import { AskReason } from '../../kit/ask-reason.tsx';
import { useToast } from '../../kit/toast.ts';
import { secondCallOf, turnOf } from './turn.ts';

/** Call a branch once more, or say that it was done by hand. Neither changes what was decided. */
export function BranchActions(props: {
  transaction: Transaction;
  branch: Branch;
  size?: 'xs' | 'compact-xs';
}) {
  const { t } = useTranslation('transaction');
  const toast = useToast();
  const { transaction, branch, size = 'compact-xs' } = props;
  const { branchId: name } = branch;
  const { gid, producer, decision } = transaction;
  const acting = useActOnTransaction({ gid, producer });
  const [asked, ask] = useState<'retry' | 'resolve'>('retry');
  const [isOpen, open] = useState(false);
  const begin = (verb: 'retry' | 'resolve') => () => {
    ask(verb);
    open(true);
  };
  const turn = turnOf(transaction);
  const undecided = decision === null ? t('whyNot.undecided') : null;
  const notItsTurn =
    turn !== undefined && turn.branchId !== name
      ? t('whyNot.turn', { branch: turn.branchId })
      : null;
  const isCalling = secondCallOf(branch)?.status === 'sending';
  return (
    <Group gap={6}>
      <Act
        size={size}
        variant={size === 'xs' ? 'filled' : 'default'}
        leftSection={<IconRefresh size={14} aria-hidden />}
        aria-label={t('act.retryOf', { branch: name })}
        whyNot={undecided ?? notItsTurn ?? (isCalling ? t('whyNot.calling') : null)}
        onClick={begin('retry')}
      >
        {t(size === 'xs' ? 'act.retryOf' : 'act.retry', { branch: name })}
      </Act>
      <Act
        size={size}
        variant="default"
        leftSection={<IconChecks size={14} aria-hidden />}
        aria-label={t('act.resolveOf', { branch: name })}
        whyNot={undecided}
        onClick={begin('resolve')}
      >
        {t(size === 'xs' ? 'act.resolveOf' : 'act.resolve', { branch: name })}
      </Act>
      <AskReason
        title={t(`ask.${asked}.title`, { branch: name })}
        text={t(`ask.${asked}.${decision ?? 'confirm'}`)}
        submit={t(`act.${asked}`)}
        {...(asked === 'resolve' && { tone: 'bad' as const })}
        isOpen={isOpen}
        close={() => open(false)}
        act={async (reason) => {
          await acting.mutateAsync({ verb: asked, branchId: name, reason });
          toast(t(`done.${asked}`, { branch: name }));
        }}
      />
    </Group>
  );
}
