import {
  Anchor,
  Button,
  Checkbox,
  Group,
  Loader,
  NumberInput,
  Paper,
  Stack,
  Text,
  Textarea,
  Title,
} from '@mantine/core';
import { IconRefresh } from '@tabler/icons-react';
import { type FormEvent, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Link, useNavigate } from 'react-router';
import { withQuery } from '../../api/client.ts';
import { type ResendFilter, useMatching, useStartResend } from '../../api/resends.ts';
import { Failure } from '../../kit/failure.tsx';
import { Page } from '../../kit/page.tsx';
import { duration } from '../../kit/time.tsx';
import { type FilterAddress, useFilterAddress } from './filter.ts';
import { FilterForm } from './filter-form.tsx';

const SECOND = 1000;
const RATES = { initial: 50, min: 0.1, max: 5000 };

/** What is to be sent again → how much that is → why, and how fast → on its way. */
export function ResendNew() {
  const { t } = useTranslation('resendNew');
  const { filter, keys, unfit, ...address } = useFilterAddress();
  return (
    <Page title={t('title')} back={{ to: '/resends', label: t('all') }}>
      <Paper withBorder p="md" component="section" aria-labelledby="what">
        <Title order={2} size="md" mb="sm" id="what">
          {t('what')}
        </Title>
        {unfit !== null && (
          <Text size="sm" c="var(--wait)" mb="sm" role="status">
            {t('unfit', { text: unfit })}
          </Text>
        )}
        <FilterForm address={address} keys={keys} />
      </Paper>
      {filter === null ? (
        <Text size="sm" c="dimmed">
          {t('sayWhat')}
        </Text>
      ) : (
        <Start filter={filter} address={address} />
      )}
    </Page>
  );
}

function Start({ filter, address }: { filter: ResendFilter; address: FilterAddress }) {
  const { t } = useTranslation('resendNew');
  const { data, error, isFetching, refetch } = useMatching(filter);
  return (
    <Paper withBorder p="md" component="section" aria-labelledby="how-many">
      <Stack gap="sm">
        <Group gap="sm" justify="space-between">
          <div role="status">
            <Title order={2} size="md" id="how-many">
              {data === undefined ? t('counting') : t('matched', { count: data.matched })}
            </Title>
          </div>
          <Group gap="sm">
            {isFetching && <Loader size="xs" />}
            <Anchor component={Link} to={listOf(address)} size="sm">
              {t('look')}
            </Anchor>
          </Group>
        </Group>
        {error !== null && <Failure error={error} retry={refetch} />}
        {data?.matched === 0 && (
          <Text size="sm" c="dimmed">
            {t('nothing')}
          </Text>
        )}
        {data !== undefined && data.matched > 0 && (
          <StartForm filter={filter} matched={data.matched} />
        )}
      </Stack>
    </Paper>
  );
}

function StartForm({ filter, matched }: { filter: ResendFilter; matched: number }) {
  const { t } = useTranslation('resendNew');
  const { t: kit } = useTranslation('kit');
  const navigate = useNavigate();
  const start = useStartResend();
  const [reason, setReason] = useState('');
  const [rate, setRate] = useState<number | string>(RATES.initial);
  const [force, setForce] = useState(false);
  const ratePerSecond = Number(rate);
  const isRate = ratePerSecond >= RATES.min && ratePerSecond <= RATES.max;
  const needsForce = filter.status?.includes('delivered') ?? false;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    start.mutate(
      { filter, reason: reason.trim(), force: needsForce && force, ratePerSecond },
      { onSuccess: ({ id }) => navigate(`/resends/${id}`) },
    );
  };
  return (
    <form onSubmit={submit}>
      <Stack gap="sm">
        <Textarea
          label={kit('reason')}
          description={kit('reasonHint')}
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          maxLength={500}
          required
          autosize
          minRows={2}
        />
        <Group gap="sm" align="flex-end">
          <NumberInput
            label={t('rate')}
            value={rate}
            onChange={setRate}
            min={RATES.min}
            max={RATES.max}
            required
            w={180}
          />
          <Text size="sm" c="dimmed" pb={8}>
            {isRate &&
              t('takes', { time: duration(Math.max(1, matched / ratePerSecond) * SECOND) })}
          </Text>
        </Group>
        {needsForce && (
          <Checkbox
            label={t('force')}
            description={t('forceHint')}
            checked={force}
            onChange={(event) => setForce(event.currentTarget.checked)}
          />
        )}
        {start.error !== null && <Failure error={start.error} />}
        <Group>
          <Button
            type="submit"
            leftSection={<IconRefresh size={16} aria-hidden />}
            loading={start.isPending}
            disabled={reason.trim() === '' || !isRate}
          >
            {t('start', { count: matched })}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** The same, as the list of notifications shows it. */
function listOf({ values }: FilterAddress): string {
  const { status, merchant, endpoint, queue, type, last, from, to, q } = values;
  return withQuery('/notifications', {
    status: status || 'failed',
    merchant,
    queue,
    type,
    last,
    from,
    to,
    q: q || endpoint,
  });
}
