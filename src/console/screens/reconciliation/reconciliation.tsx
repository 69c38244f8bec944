import { Button, Group, Paper, Progress, SegmentedControl, Skeleton, Text } from '@mantine/core';
import { IconRefresh } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useParams } from 'react-router';
import { usePages } from '../../api/pages.ts';
import {
  adjustmentsFile,
  DIFFERENCE_KINDS,
  type DifferenceView,
  RECONCILIATIONS,
  type ReconciliationView,
  useReconciliation,
  useResendMissing,
} from '../../api/recovery.ts';
import { useAddress } from '../../kit/address.ts';
import { Confirm } from '../../kit/confirm.tsx';
import { CopyId, shortId } from '../../kit/copy-id.tsx';
import { Download } from '../../kit/download.tsx';
import { Failure } from '../../kit/failure.tsx';
import { Page } from '../../kit/page.tsx';
import { ExactTime, Time } from '../../kit/time.tsx';
import { useToast } from '../../kit/toast.ts';
import { Differences } from './differences.tsx';
import { Tiles } from './tiles.tsx';

const NAMES = ['kind', 'handled'] as const;

/** One comparison: how far it is, what came out, and every difference to be settled. */
export function Reconciliation() {
  const { t } = useTranslation('reconciliation');
  const { id = '' } = useParams();
  const { data, error, refetch } = useReconciliation(id);
  return (
    <Page
      title={data === undefined ? t('title') : t('titleOf', { date: data.date })}
      back={{ to: '/reconciliations', label: t('all') }}
    >
      {error !== null && <Failure error={error} retry={refetch} />}
      {data === undefined && error === null && <Skeleton height={160} />}
      {data !== undefined && <Sight reconciliation={data} />}
    </Page>
  );
}

function Sight({ reconciliation }: { reconciliation: ReconciliationView }) {
  const { t } = useTranslation('reconciliation');
  const { status, progress, recordCount } = reconciliation;
  const percent = Math.floor(100 * progress);
  return (
    <>
      <About reconciliation={reconciliation} />
      {status === 'running' && (
        <Paper withBorder p="md">
          <Text size="sm" mb={6} role="status">
            {t('running', { count: recordCount, percent })}
          </Text>
          <Progress value={percent} animated aria-label={t('progress')} />
        </Paper>
      )}
      {status === 'failed' && (
        <Text c="var(--bad)" role="alert">
          {t('failed')}
        </Text>
      )}
      {status === 'completed' && <Outcome reconciliation={reconciliation} />}
    </>
  );
}

function About({ reconciliation }: { reconciliation: ReconciliationView }) {
  const { t } = useTranslation('reconciliation');
  const { id, merchantId, timezone, recordCount, createdAt, asOf } = reconciliation;
  return (
    <Text size="sm" c="dimmed">
      <CopyId text={merchantId} /> · {timezone} · {t('records', { count: recordCount })} ·{' '}
      <Time at={createdAt} /> ·{' '}
      {asOf !== null && (
        <>
          {t('asOf')} <ExactTime at={asOf} /> ·{' '}
        </>
      )}
      <CopyId text={id} shown={shortId(id)} />
    </Text>
  );
}

function Outcome({ reconciliation }: { reconciliation: ReconciliationView }) {
  const { t } = useTranslation('reconciliation');
  const { id, merchantId, differences } = reconciliation;
  const { values, set } = useAddress(NAMES);
  const kind = DIFFERENCE_KINDS.find((name) => name === values.kind) ?? null;
  const handled = values.handled === 'true' || values.handled === 'false' ? values.handled : '';
  const pages = usePages<DifferenceView>(`${RECONCILIATIONS}/${id}/differences`, { kind, handled });
  const isAny = Object.values(differences).some((found) => found > 0);
  return (
    <>
      <Tiles
        reconciliation={reconciliation}
        kind={kind}
        choose={(chosen) => set({ kind: chosen ?? '' })}
      />
      {isAny && (
        <Group justify="space-between" gap="sm">
          <SegmentedControl
            size="xs"
            aria-label={t('filter.label')}
            value={handled}
            onChange={(value) => set({ handled: value })}
            data={[
              { value: '', label: t('filter.all') },
              { value: 'false', label: t('filter.open') },
              { value: 'true', label: t('filter.settled') },
            ]}
          />
          <Group gap="xs">
            <Download
              label={t('adjustments')}
              variant="default"
              hrefOf={(format) => adjustmentsFile(id, format)}
            />
            {(differences.gateway_only ?? 0) > 0 && <ResendMissing id={id} />}
          </Group>
        </Group>
      )}
      <Differences
        reconciliationId={id}
        merchantId={merchantId}
        pages={pages}
        isFiltered={kind !== null || handled !== ''}
      />
    </>
  );
}

function ResendMissing({ id }: { id: string }) {
  const { t } = useTranslation('reconciliation');
  const resend = useResendMissing(id);
  const toast = useToast();
  const [isOpen, open] = useState(false);
  return (
    <>
      <Button
        size="xs"
        leftSection={<IconRefresh size={15} aria-hidden />}
        onClick={() => open(true)}
      >
        {t('missing.button')}
      </Button>
      <Confirm
        title={t('missing.title')}
        text={t('missing.text')}
        submit={t('missing.button')}
        isOpen={isOpen}
        close={() => open(false)}
        act={async () => {
          const { resent, remaining } = await resend.mutateAsync();
          toast(
            remaining > 0
              ? t('missing.partly', { count: resent, remaining })
              : t('missing.done', { count: resent }),
          );
        }}
      />
    </>
  );
}
