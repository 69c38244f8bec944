import { Button } from '@mantine/core';
import { IconMapQuestion } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { Empty } from '../kit/empty.tsx';
import { Page } from '../kit/page.tsx';

export function Nowhere() {
  const { t } = useTranslation('shell');
  return (
    <Page title={t('nowhere.title')}>
      <Empty icon={IconMapQuestion} title={t('nowhere.title')} text={t('nowhere.text')}>
        <Button component={Link} to="/">
          {t('nowhere.home')}
        </Button>
      </Empty>
    </Page>
  );
}
