import { useTranslation } from 'react-i18next';
import type { TransactionStatus } from '../../api/transactions.ts';
import { Tag } from '../../kit/status.tsx';

const TONES = {
  trying: 'wait',
  confirming: 'busy',
  cancelling: 'busy',
  suspended: 'bad',
  confirmed: 'good',
  cancelled: 'idle',
} as const;

export function TransactionState({ status }: { status: TransactionStatus }) {
  const { t } = useTranslation('transactions');
  return <Tag tone={TONES[status]}>{t(`status.${status}`)}</Tag>;
}
