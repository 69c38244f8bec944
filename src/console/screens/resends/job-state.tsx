import { useTranslation } from 'react-i18next';
import type { ResendView } from '../../api/resends.ts';
import { Tag } from '../../kit/status.tsx';

const TONES = {
  running: 'busy',
  paused: 'wait',
  completed: 'good',
  cancelled: 'idle',
  failed: 'bad',
} as const;

export function JobState({ status }: { status: ResendView['status'] }) {
  const { t } = useTranslation('resends');
  return <Tag tone={TONES[status]}>{t(`state.${status}`)}</Tag>;
}
