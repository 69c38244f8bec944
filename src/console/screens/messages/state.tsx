import { useTranslation } from 'react-i18next';
import type { MessageStatus } from '../../api/messages.ts';
import { Tag } from '../../kit/status.tsx';

const TONES = {
  prepared: 'wait',
  suspended: 'bad',
  confirmed: 'busy',
  sent: 'busy',
  completed: 'good',
  cancelled: 'idle',
  dead: 'bad',
} as const;

export function MessageState({ status }: { status: MessageStatus }) {
  const { t } = useTranslation('messages');
  return <Tag tone={TONES[status]}>{t(`status.${status}`)}</Tag>;
}

/** What the consumers made of it, where one of them said badly: a good end needs no word. */
export function BadOutcome({ outcome }: { outcome: 'success' | 'failed' | null }) {
  const { t } = useTranslation('messages');
  return outcome === 'failed' && <Tag tone="bad">{t('outcome.failed')}</Tag>;
}
