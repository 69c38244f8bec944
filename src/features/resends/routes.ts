import { z } from 'zod';
import {
  decodeCursor,
  moment,
  oneOrMore,
  pageOf,
  pageQuery,
  toPage,
} from '../../api/pagination.ts';
import { invalid, notFound, Problem } from '../../api/problem.ts';
import {
  type AuditState,
  locationHeader,
  type Principal,
  type Role,
  type Route,
  route,
} from '../../api/route.ts';
import type { Database, Sql } from '../../platform/db/client.ts';
import { idFromUuid } from '../../platform/ids.ts';
import {
  MAX_MATCHED,
  type ResendFilter,
  type ResendView,
  resendCount,
  resendInput,
  resendStatus,
  resendView,
} from './contract.ts';
import { examples } from './examples.ts';
import { findJob, insertJob, type JobRow, listJobs, MAX_OPEN_JOBS, turnJob } from './store.ts';
import { countMatching } from './store-count.ts';
import { findForeignEndpoint, type StoredFilter } from './store-filter.ts';

interface ResendDeps {
  database: Database;
  /** Told of each job that may go on, so that this process' worker need not find it out by itself. */
  resendNow(): void;
}

const ROLES: readonly Role[] = ['operator', 'merchant'];
const TAG = 'Operations';
const params = z.strictObject({
  id: z
    .string()
    .min(1)
    .max(64)
    .meta({ examples: [examples.view.id] }),
});

/** `/v1/resends`: many deliveries once more, as a job that can be watched and stopped. */
export function resendRoutes(deps: ResendDeps): Route[] {
  return [...collectionRoutes(deps), ...itemRoutes(deps)];
}

function collectionRoutes({ database, resendNow }: ResendDeps): Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/resends',
      roles: ROLES,
      tag: TAG,
      summary: 'Send again whatever fits a filter; with dryRun only say how much that is',
      body: resendInput,
      responses: { 202: resendView, 200: resendCount },
      responseHeaders: { 202: locationHeader },
      audit: {
        action: 'resend.create',
        id: ({ reservedId }) => idFromUuid('rsd', reservedId),
        asked: ({ body: { filter, force, ratePerSecond } }) => ({ filter, force, ratePerSecond }),
        look: lookAtJob(database),
        when: ({ body }) => !body.dryRun,
      },
      async handle({ principal, body, reservedId }) {
        const { dryRun, reason, force, ratePerSecond } = body;
        const filter = await storedFilter(database.prisma, principal, body.filter);
        const job = {
          id: idFromUuid('rsd', reservedId),
          merchantId: principal.merchantId,
          createdBy: { keyId: principal.keyId, name: principal.name },
          filter,
          reason,
          force,
          ratePerSecond,
        };
        const made = await countMatching(database, filter, MAX_MATCHED, async (tx, count) => {
          if (count.matched > MAX_MATCHED) throw tooMany();
          return dryRun ? count.matched : ((await insertJob(tx, job, count)) ?? 'too_many_jobs');
        });
        if (made === null) throw tooWide();
        if (made === 'too_many_jobs') throw tooManyJobs();
        if (typeof made === 'number') return { status: 200, body: { matched: made } };
        resendNow();
        return {
          status: 202,
          body: toView(made),
          headers: { location: `/v1/resends/${made.id}` },
        };
      },
    }),
    route({
      method: 'get',
      path: '/v1/resends',
      roles: ROLES,
      tag: TAG,
      summary: 'Bulk re-sends, newest first',
      query: pageQuery.extend({
        merchantId: oneOrMore(z.string().min(1)).optional(),
        status: oneOrMore(resendStatus).optional(),
        from: moment.optional(),
        to: moment.optional(),
      }),
      responses: { 200: pageOf(resendView) },
      async handle({ principal, query, reads }) {
        const { limit, cursor } = query;
        const before = decodeCursor(cursor);
        const owner = principal.merchantId;
        const rows = await listJobs(reads, owner, query, before, limit + 1);
        return { status: 200, body: toPage(rows, limit, (row) => row.id, toView) };
      },
    }),
  ];
}

const ACTIONS = [
  { verb: 'pause', to: 'paused', summary: 'Make nothing more due until it is resumed' },
  { verb: 'resume', to: 'running', summary: 'Go on where it was paused' },
  {
    verb: 'cancel',
    to: 'cancelled',
    summary: 'Make nothing more due; what is due already is sent',
  },
] as const;

function itemRoutes({ database, resendNow }: ResendDeps): Route[] {
  const { prisma } = database;
  const visible = async (sql: Sql, principal: Principal, id: string) => {
    const found = await findJob(sql, principal.merchantId, id);
    if (found === null) throw notFound('re-send');
    return found;
  };
  return [
    route({
      method: 'get',
      path: '/v1/resends/{id}',
      roles: ROLES,
      tag: TAG,
      summary: 'How far a bulk re-send is',
      params,
      responses: { 200: resendView },
      async handle({ principal, params: { id }, reads }) {
        return { status: 200, body: toView(await visible(reads, principal, id)) };
      },
    }),
    ...ACTIONS.map(({ verb, to, summary }) =>
      route({
        method: 'post',
        path: `/v1/resends/{id}/${verb}`,
        roles: ROLES,
        tag: TAG,
        summary,
        params,
        responses: { 200: resendView },
        audit: { action: `resend.${verb}`, look: lookAtJob(database) },
        async handle({ principal, params: { id } }) {
          await visible(prisma, principal, id);
          await turnJob(prisma, id, to);
          const job = await visible(prisma, principal, id);
          if (to === 'running') resendNow();
          // A small job may have ended before this was read again.
          const isThere = job.status === to || (to === 'running' && job.status === 'completed');
          if (!isThere) throw hasEnded(job);
          return { status: 200, body: toView(job) };
        },
      }),
    ),
  ];
}

/** A job as the audit log keeps it: how far it was. */
function lookAtJob({ prisma }: Database) {
  return async (
    { principal }: { principal: Principal },
    id: string,
  ): Promise<AuditState | null> => {
    const job = await findJob(prisma, principal.merchantId, id);
    if (job === null) return null;
    const { merchantId, status, matched, resent, skipped, failed } = job;
    return { merchantId, state: { status, matched, resent, skipped, failed } };
  };
}

/** @throws Problem 422 where a merchant names what is not its own, which to it is nobody's */
async function storedFilter(
  sql: Sql,
  { merchantId: own }: Principal,
  filter: ResendFilter,
): Promise<StoredFilter> {
  const status = filter.status ?? ['failed'];
  if (own === null) return { ...filter, status };
  const stranger = filter.merchantId?.find((id) => id !== own);
  if (stranger !== undefined) {
    const detail = `There is no merchant ${stranger}.`;
    throw invalid('body.filter.merchantId', detail, 'unknown_merchant');
  }
  const unknown = await findForeignEndpoint(sql, own, filter.endpointId ?? []);
  if (unknown !== null) {
    throw invalid('body.filter.endpointId', `There is no endpoint ${unknown}.`);
  }
  return { ...filter, status, merchantId: [own] };
}

function toView({ createdBy, createdByName, startedAt, finishedAt, ...job }: JobRow): ResendView {
  return {
    ...job,
    createdBy: { keyId: createdBy, name: createdByName },
    startedAt: startedAt.toISOString(),
    finishedAt: finishedAt?.toISOString() ?? null,
  };
}

function tooMany(): Problem {
  return new Problem(
    422,
    'too_many_matched',
    `More than ${MAX_MATCHED} deliveries fit. Narrow the filter, or send them in parts.`,
  );
}

function tooWide(): Problem {
  return new Problem(
    422,
    'filter_too_wide',
    'Counting what fits took too long. Name a merchant, an endpoint or business keys.',
  );
}

function tooManyJobs(): Problem {
  return new Problem(
    409,
    'too_many_resends',
    `At most ${MAX_OPEN_JOBS} bulk re-sends may run or be paused at a time.`,
  );
}

function hasEnded({ status }: JobRow): Problem {
  return new Problem(409, 'resend_ended', `It is ${status}.`);
}
