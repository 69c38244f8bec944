import { Group } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { Endpoint } from '../../api/endpoints.ts';
import { Tag } from '../../kit/status.tsx';

/** Whether it is called at all, and how it fares. */
export function Health({
  endpoint,
}: {
  endpoint: Pick<Endpoint, 'status' | 'circuit' | 'disabledReason'>;
}) {
  const { t } = useTranslation('endpoints');
  const { status, circuit, disabledReason } = endpoint;
  const isOpen = circuit.state === 'open';
  return (
    <Group gap={6}>
      {status === 'disabled' && (
        <Tag tone="bad">{disabledReason === 'gone' ? t('gone') : t('status.disabled')}</Tag>
      )}
      {status === 'paused' && <Tag tone="wait">{t('status.paused')}</Tag>}
      {isOpen && <Tag tone="bad">{t('circuit.open')}</Tag>}
      {status === 'active' && !isOpen && <Tag tone="good">{t('status.active')}</Tag>}
    </Group>
  );
}
