import { Button, Center, Group, Paper, Skeleton, Stack } from '@mantine/core';
import { IconHistory, IconSearchOff } from '@tabler/icons-react';
import { useMemo } from 'react';
import { useTranslation } from 'react-i18next';
import { useSearchParams } from 'react-router';
import { AUDIT_LOG, type AuditEntryView } from '../../api/audit.ts';
import { usePages } from '../../api/pages.ts';
import { type Address, useAddress } from '../../kit/address.ts';
import { Empty } from '../../kit/empty.tsx';
import { Failure } from '../../kit/failure.tsx';
import { MerchantChoice } from '../../kit/merchant-choice.tsx';
import { Page } from '../../kit/page.tsx';
import { boundsOf, PeriodChoice } from '../../kit/period.tsx';
import { WrittenFilter } from '../../kit/written-filter.tsx';
import classes from './entry.module.css';
import { Entry } from './entry.tsx';

const NAMES = ['action', 'object', 'key', 'merchant', 'last', 'from', 'to'] as const;
type FilterAddress = Address<(typeof NAMES)[number]>;

/** What people do most; any other can be written. */
const ACTIONS = [
  'delivery.resend',
  'resend.create',
  'resend.pause',
  'resend.resume',
  'resend.cancel',
  'notification.cancel',
  'notification.ack',
  'endpoint.create',
  'endpoint.update',
  'endpoint.delete',
  'endpoint.pause',
  'endpoint.resume',
  'endpoint.test',
  'endpoint.rotate-secret',
  'queue.put',
  'queue.delete',
  'merchant.create',
  'merchant.update',
  'merchant.rotate-secret',
  'key.create',
  'key.rotate-secret',
  'key.revoke',
  'reconciliation.create',
  'reconciliation.handle',
  'reconciliation.resend-missing',
];

/** Who changed what, when and why. Nothing here can be changed. */
export function Audit() {
  const { t } = useTranslation('audit');
  const address = useAddress(NAMES);
  const pages = usePages<AuditEntryView>(AUDIT_LOG, useQueryOf(address));
  return (
    <Page
      title={t('title')}
      actions={
        <Button variant="default" size="compact-sm" onClick={pages.refetch}>
          {t('refresh')}
        </Button>
      }
    >
      <Filters address={address} />
      {pages.error !== null && <Failure error={pages.error} retry={pages.refetch} />}
      {pages.isPending && pages.error === null && <Skeleton height={240} aria-busy />}
      {!pages.isPending && pages.rows.length === 0 && <Nothing />}
      {pages.rows.length > 0 && (
        <Paper withBorder>
          <ol className={classes.list} aria-label={t('title')}>
            {pages.rows.map((entry) => (
              <Entry key={entry.id} entry={entry} narrow={address.set} />
            ))}
          </ol>
        </Paper>
      )}
      {pages.hasMore && (
        <Center>
          <Button variant="default" onClick={pages.loadMore} loading={pages.isLoadingMore}>
            {t('more')}
          </Button>
        </Center>
      )}
    </Page>
  );
}

function useQueryOf({ values }: FilterAddress) {
  return useMemo(
    () => ({
      action: values.action,
      objectId: values.object,
      keyId: values.key,
      merchantId: values.merchant,
      ...boundsOf(values),
    }),
    [values],
  );
}

function Filters({ address: { values, set } }: { address: FilterAddress }) {
  const { t } = useTranslation('audit');
  return (
    <Stack component="search" gap="xs">
      <Group gap="xs" align="flex-end">
        <WrittenFilter
          size="xs"
          label={t('action')}
          placeholder={t('any')}
          data={ACTIONS}
          value={values.action}
          decide={(action) => set({ action })}
        />
        <WrittenFilter
          size="xs"
          label={t('object')}
          placeholder={t('objectHint')}
          value={values.object}
          decide={(object) => set({ object })}
        />
        <WrittenFilter
          size="xs"
          label={t('key')}
          placeholder="key_…"
          value={values.key}
          decide={(key) => set({ key })}
        />
        <MerchantChoice size="xs" />
        <PeriodChoice size="xs" label={t('when')} value={values} choose={set} />
        <ClearAll />
      </Group>
    </Stack>
  );
}

function ClearAll() {
  const { t } = useTranslation('audit');
  const [params, setParams] = useSearchParams();
  if (params.size === 0) return null;
  return (
    <Button variant="subtle" size="xs" onClick={() => setParams({}, { replace: true })}>
      {t('clear')}
    </Button>
  );
}

function Nothing() {
  const { t } = useTranslation('audit');
  const [params, setParams] = useSearchParams();
  if (params.size === 0) {
    return <Empty icon={IconHistory} title={t('empty.title')} text={t('empty.text')} />;
  }
  return (
    <Empty icon={IconSearchOff} title={t('notFound.title')} text={t('notFound.text')}>
      <Button variant="default" onClick={() => setParams({}, { replace: true })}>
        {t('clear')}
      </Button>
    </Empty>
  );
}
