import { Button, Group, Paper, Skeleton, Text, Title } from '@mantine/core';
import { IconBuildingStore, IconFileOff, IconRefresh } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { StatementView } from '../../api/recovery.ts';
import { fileOf, useStatement } from '../../api/statement.ts';
import { CopyId } from '../../kit/copy-id.tsx';
import { DayChoice, useDay } from '../../kit/day-choice.tsx';
import { Download } from '../../kit/download.tsx';
import { Empty } from '../../kit/empty.tsx';
import { Failure } from '../../kit/failure.tsx';
import { MerchantChoice, useMerchant } from '../../kit/merchant-choice.tsx';
import { count } from '../../kit/number.ts';
import { Page } from '../../kit/page.tsx';
import { Tag } from '../../kit/status.tsx';
import { Rows, Totals } from './rows.tsx';
import classes from './statements.module.css';

/** What was accepted for a merchant on one day: the totals, the first rows, and all of it as a file. */
export function Statements() {
  const { t } = useTranslation('statements');
  const { t: kit } = useTranslation('kit');
  const { merchantId } = useMerchant();
  const { date, timezone } = useDay();
  const wanted = merchantId === '' ? null : { merchantId, date, timezone };
  const { data, error, isFetching, refetch } = useStatement(wanted);
  return (
    <Page
      title={t('title')}
      actions={wanted !== null && <Download hrefOf={(format) => fileOf(wanted, format)} />}
    >
      <Group gap="sm" align="flex-end">
        <MerchantChoice />
        <DayChoice />
      </Group>
      {wanted === null && (
        <Empty
          icon={IconBuildingStore}
          title={kit('chooseMerchant')}
          text={kit('chooseMerchantText')}
        />
      )}
      {error !== null && <Failure error={error} retry={refetch} />}
      {wanted !== null && data === undefined && error === null && <Skeleton height={220} />}
      {data !== undefined && error === null && (
        <Sight statement={data} isFetching={isFetching} refresh={() => void refetch()} />
      )}
    </Page>
  );
}

function Sight(props: { statement: StatementView; isFetching: boolean; refresh(): void }) {
  const { t } = useTranslation('statements');
  const { statement } = props;
  const { rows, rowCount, date, timezone, merchantId, closed } = statement;
  const compare = `/reconciliations?${new URLSearchParams({ merchant: merchantId, date, timezone })}`;
  return (
    <>
      <Head statement={statement} />
      {!closed && (
        <Group gap="sm">
          <Text size="sm">{t('openText')}</Text>
          <Button
            variant="default"
            size="compact-sm"
            leftSection={<IconRefresh size={14} aria-hidden />}
            loading={props.isFetching}
            onClick={props.refresh}
          >
            {t('refresh')}
          </Button>
        </Group>
      )}
      {rowCount === 0 ? (
        <Empty icon={IconFileOff} title={t('empty.title')} text={t('empty.text')} />
      ) : (
        <>
          <Totals totals={statement.totals} />
          <Group justify="space-between" gap="sm">
            <Title order={2} size="md">
              {t('rows')}
            </Title>
            <Group gap="sm">
              {rowCount > rows.length && (
                <Text size="sm" c="dimmed">
                  {t('firstOf', { shown: rows.length, count: rowCount })}
                </Text>
              )}
              <Button component={Link} to={compare} variant="default" size="compact-sm">
                {t('compare')}
              </Button>
            </Group>
          </Group>
          <Rows rows={rows} timezone={timezone} />
        </>
      )}
    </>
  );
}

function Head({ statement: { rowCount, closed, revision, sha256 } }: { statement: StatementView }) {
  const { t, i18n } = useTranslation('statements');
  return (
    <div className={classes.tiles}>
      <Paper withBorder className={classes.tile}>
        <div className={classes.name}>{t('rowCount')}</div>
        <div className={classes.value}>{count(rowCount, i18n.language)}</div>
      </Paper>
      <Paper withBorder className={classes.tile}>
        <div className={classes.name}>{t('state')}</div>
        <div className={classes.value}>
          <Tag tone={closed ? 'good' : 'wait'}>{closed ? t('closed') : t('open')}</Tag>
        </div>
      </Paper>
      <Paper withBorder className={classes.tile}>
        <div className={classes.name}>{t('revision')}</div>
        <div className={classes.value}>{closed ? revision : '—'}</div>
        {revision > 1 && (
          <Text size="xs" c="dimmed">
            {t('corrected')}
          </Text>
        )}
      </Paper>
      <Paper withBorder className={classes.tile}>
        <div className={classes.name}>{t('sha256')}</div>
        <CopyId text={sha256} />
        <Text size="xs" c="dimmed">
          {t('sha256Hint')}
        </Text>
      </Paper>
    </div>
  );
}
