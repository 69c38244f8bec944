import { IconCheck, IconHandStop, IconRefresh } from '@tabler/icons-react';
import { type ReactNode, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useResend } from '../../api/detail.ts';
import { type Message, type MessageAct, useActOnMessage } from '../../api/messages.ts';
import { useSession } from '../../api/session.ts';
import { Act } from '../../kit/act.tsx';
import { AskReason } from '../../kit/ask-reason.tsx';
import { Confirm } from '../../kit/confirm.tsx';
import { Parked } from '../../kit/parked.tsx';
import { useToast } from '../../kit/toast.ts';
import classes from './message.module.css';

/** What is asked for, and of a message in which state: that may change under an open dialog. */
interface Asked {
  what: 'recheck' | 'confirm' | 'cancel';
  of: 'suspended' | 'prepared';
}

/**
 * What operators can do about a message that is not decided: ask its producer once more, or decide for
 * it. Of a suspended one the API takes a reason for a decision; of one that is prepared it takes none.
 */
export function Actions({ message }: { message: Message }) {
  const { t } = useTranslation('message');
  const { data: session } = useSession();
  const [asked, ask] = useState<Asked>({ what: 'recheck', of: 'prepared' });
  const [isOpen, open] = useState(false);
  const { status, check } = message;
  const isSuspended = status === 'suspended';
  if (session?.role !== 'operator') return null;
  const begin = (what: Asked['what']) => () => {
    ask({ what, of: isSuspended ? 'suspended' : 'prepared' });
    open(true);
  };
  const buttons = (
    <>
      <Act
        variant={isSuspended ? 'filled' : 'default'}
        leftSection={<IconRefresh size={15} aria-hidden />}
        whyNot={whyNotAsk(t, message)}
        onClick={begin('recheck')}
      >
        {t(isSuspended ? 'act.recheck' : 'act.askNow')}
      </Act>
      <Act
        variant="default"
        leftSection={<IconCheck size={15} aria-hidden />}
        whyNot={null}
        onClick={begin('confirm')}
      >
        {t('act.confirm')}
      </Act>
      <Act
        variant="default"
        leftSection={<IconHandStop size={15} aria-hidden />}
        whyNot={null}
        onClick={begin('cancel')}
      >
        {t('act.cancel')}
      </Act>
    </>
  );
  return (
    <>
      {isSuspended && (
        <Parked title={t('parked.title')} text={t('parked.text', { count: check?.count ?? 0 })}>
          {buttons}
        </Parked>
      )}
      {status === 'prepared' && <div className={classes.bar}>{buttons}</div>}
      {/* Still there when somebody else was quicker: then it shows why the API refused. */}
      <Dialogs message={message} asked={asked} isOpen={isOpen} close={() => open(false)} />
    </>
  );
}

/** `null`: its producer can be asked now. */
function whyNotAsk(
  t: ReturnType<typeof useTranslation<'message'>>['t'],
  { status, check }: Message,
): string | null {
  if (status === 'suspended') return null;
  if (check === null || check.nextAt === null) return t('whyNot.asking');
  return check.count === 0 ? t('whyNot.tooEarly') : null;
}

function Dialogs(props: {
  message: Message;
  asked: Asked;
  isOpen: boolean;
  close(): void;
}): ReactNode {
  const { t } = useTranslation('message');
  const toast = useToast();
  const { message, asked, isOpen, close } = props;
  const acting = useActOnMessage({ id: message.id, producer: message.producerKeyId });
  const askNow = useResend(message.check?.deliveryId ?? '');
  const { what, of } = asked;
  const words = {
    title: t(`ask.${of}.${what}.title`),
    text: t(`ask.${of}.${what}.text`),
    submit: t(asksNow(asked) ? 'act.askNow' : `act.${what}`),
    ...(what === 'cancel' && { tone: 'bad' as const }),
  };
  const does = async (act: MessageAct) => {
    await acting.mutateAsync(act);
    toast(t(`done.${what}`));
  };
  const takesReason = of === 'suspended' ? what !== 'recheck' : what === 'recheck';
  return takesReason ? (
    <AskReason
      {...words}
      isOpen={isOpen}
      close={close}
      act={async (reason) => {
        if (what !== 'recheck') return does({ verb: 'resolve', body: { decision: what, reason } });
        await askNow.mutateAsync({ reason, force: false });
        toast(t('done.recheck'));
      }}
    />
  ) : (
    <Confirm {...words} isOpen={isOpen} close={close} act={() => does({ verb: what })} />
  );
}

/** Of a message that is prepared it is a check-back out of turn, which the API takes as a re-send. */
function asksNow({ what, of }: Asked): boolean {
  return what === 'recheck' && of === 'prepared';
}
