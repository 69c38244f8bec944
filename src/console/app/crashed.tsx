import { Button } from '@mantine/core';
import { IconMoodSad } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Empty } from '../kit/empty.tsx';

/** A screen that threw, or whose files are gone because the gateway was renewed meanwhile. */
export function Crashed() {
  const { t } = useTranslation('shell');
  return (
    <Empty icon={IconMoodSad} title={t('crashed.title')} text={t('crashed.text')}>
      <Button onClick={() => location.reload()}>{t('crashed.reload')}</Button>
    </Empty>
  );
}
