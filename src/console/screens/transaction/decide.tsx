import { useDisclosure } from '@mantine/hooks';
import { IconCheck, IconHandStop } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { type Transaction, useActOnTransaction } from '../../api/transactions.ts';
import { Act } from '../../kit/act.tsx';
import { AskReason } from '../../kit/ask-reason.tsx';
import { Confirm } from '../../kit/confirm.tsx';
import { useToast } from '../../kit/toast.ts';

/** What operators can decide in place of the initiator, until something is decided. */
export function Decide({ transaction }: { transaction: Transaction }) {
  const { t } = useTranslation('transaction');
  const toast = useToast();
  const { gid, producer, mode, decision } = transaction;
  const acting = useActOnTransaction({ gid, producer });
  const [isConfirming, confirmation] = useDisclosure(false);
  const [isCancelling, cancellation] = useDisclosure(false);
  return (
    <>
      {decision === null && (
        <>
          <Act
            variant="default"
            leftSection={<IconCheck size={15} aria-hidden />}
            whyNot={mode === 'managed' ? t('whyNot.managed') : null}
            onClick={confirmation.open}
          >
            {t('act.confirm')}
          </Act>
          <Act
            variant="default"
            leftSection={<IconHandStop size={15} aria-hidden />}
            whyNot={null}
            onClick={cancellation.open}
          >
            {t('act.cancel')}
          </Act>
        </>
      )}
      {/* Still there when it is decided meanwhile: then they show why the API refused. */}
      <Confirm
        title={t('ask.confirm.title')}
        text={t('ask.confirm.text')}
        submit={t('act.confirm')}
        isOpen={isConfirming}
        close={confirmation.close}
        act={async () => {
          await acting.mutateAsync({ verb: 'confirm' });
          toast(t('done.confirm'));
        }}
      />
      <AskReason
        title={t('ask.cancel.title')}
        text={t('ask.cancel.text')}
        submit={t('act.cancel')}
        tone="bad"
        isOpen={isCancelling}
        close={cancellation.close}
        act={async (reason) => {
          await acting.mutateAsync({ verb: 'cancel', reason });
          toast(t('done.cancel'));
        }}
      />
    </>
  );
}
