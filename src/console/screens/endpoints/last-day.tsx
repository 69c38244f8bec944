import { Anchor, Paper, Title } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { type Endpoint, type EndpointCounts, useLastDay } from '../../api/endpoints.ts';
import { count, percent } from '../../kit/number.ts';
import type { Tone } from '../../kit/status.tsx';
import { Tile, Tiles } from '../../kit/tile.tsx';
import { Time } from '../../kit/time.tsx';
import classes from './endpoint.module.css';

/** From here on somebody should look. */
const MANY = 0.1;

type Of = { of: EndpointCounts | undefined };

/** How many attempts were made in a day; counts are complete but for some seconds. */
export function Attempts({ of }: Of) {
  const { i18n } = useTranslation();
  return of === undefined ? '—' : count(of.attempts, i18n.language);
}

/** Which part of them failed: `12 (3.4%)`. */
export function FailedShare({ of }: Of) {
  const { i18n } = useTranslation();
  if (of === undefined || of.attempts === 0) return '—';
  const share = of.failures / of.attempts;
  return (
    <span className={classes.share} data-tone={toneOf(of)}>
      {count(of.failures, i18n.language)}
      {of.failures > 0 && ` (${percent(share, i18n.language)})`}
    </span>
  );
}

/** The last 24 hours of one endpoint, in three figures. */
export function LastDay({ endpoint: { id, merchantId } }: { endpoint: Endpoint }) {
  const { t, i18n } = useTranslation('endpoints');
  const { t: overview } = useTranslation('overview');
  const { data } = useLastDay(merchantId);
  const of = data?.get(id);
  const last = of?.lastFailure ?? null;
  return (
    <Paper withBorder p="sm" component="section" aria-label={t('lastDay.title')}>
      <Title order={2} size="sm" mb="xs">
        {t('lastDay.title')}
      </Title>
      <Tiles label={t('lastDay.title')}>
        <Tile
          name={t('lastDay.attempts')}
          value={<Attempts of={of} />}
          more={
            of !== undefined &&
            t('lastDay.succeeded', { number: count(of.attempts - of.failures, i18n.language) })
          }
        />
        <Tile
          name={t('lastDay.failed')}
          value={
            of === undefined || of.attempts === 0
              ? '—'
              : percent(of.failures / of.attempts, i18n.language)
          }
          more={of !== undefined && t('lastDay.failures', { count: of.failures })}
          tone={of && toneOf(of)}
        />
        <Tile
          name={t('lastDay.last')}
          value={last === null ? '—' : <Time at={last.at} />}
          more={
            last === null ? (
              t('lastDay.none')
            ) : (
              <Anchor component={Link} inherit to={`/notifications?q=${id}&status=failed,pending`}>
                {overview(`outcome.${last.outcome}`)} {last.statusCode ?? last.error}
              </Anchor>
            )
          }
        />
      </Tiles>
    </Paper>
  );
}

function toneOf({ attempts, failures }: EndpointCounts): Tone | undefined {
  if (attempts === 0) return undefined;
  if (failures === 0) return 'good';
  return failures / attempts >= MANY ? 'bad' : 'wait';
}
