import type { z } from 'zod';
import { decodeCursor, pageOf, pageQuery, toPage } from '../../../api/pagination.ts';
import { invalid, notFound, Problem } from '../../../api/problem.ts';
import { locationHeader, type Reply, type Route, route } from '../../../api/route.ts';
import { newSecret } from '../../../engine/http/sign.ts';
import type { Sql } from '../../../platform/db/client.ts';
import { idFromUuid } from '../../../platform/ids.ts';
import { merchantParams } from '../merchants/contract.ts';
import { findMerchant } from '../merchants/store.ts';
import { endpointContext } from '../signing/secret-contexts.ts';
import {
  type EndpointDeps,
  lookAtEndpoint,
  ENDPOINT_ROLES as ROLES,
  requireCallable,
  requireMerchant,
  requireOpenQueue,
  toEndpointView,
  visibleEndpoint,
} from './access.ts';
import {
  createdEndpoint,
  createEndpoint,
  endpointParams,
  endpointView,
  patchEndpoint,
} from './contract.ts';
import { requireFitting, sealFormatSecret } from './format.ts';
import { actionRoutes } from './routes-actions.ts';
import { type Headers, openHeaders, sealHeaders, withKept } from './sealed-headers.ts';
import {
  deleteEndpoint,
  type EndpointRow,
  insertEndpoint,
  listEndpoints,
  MAX_ENDPOINTS,
  updateEndpoint,
} from './store.ts';
import { newSubscription, requireSameKind } from './subscription.ts';

/** `/v1/endpoints`: the addresses where merchants want to be told. */
export function endpointRoutes(deps: EndpointDeps): Route[] {
  return [...collectionRoutes(deps), ...itemRoutes(deps), ...actionRoutes(deps)];
}

function collectionRoutes(deps: EndpointDeps): Route[] {
  return [
    route({
      method: 'post',
      path: '/v1/merchants/{merchantId}/endpoints',
      roles: ROLES,
      tag: 'Endpoints',
      summary: 'Register an endpoint',
      params: merchantParams,
      body: createEndpoint,
      responses: { 201: createdEndpoint },
      responseHeaders: { 201: locationHeader },
      audit: {
        action: 'endpoint.create',
        id: reservedEndpointId,
        look: lookAtEndpoint(deps),
      },
      async handle({ principal, params: { merchantId }, body, reservedId }) {
        requireMerchant(principal, merchantId);
        return registerEndpoint(deps, merchantId, body, reservedId);
      },
    }),
    route({
      method: 'get',
      path: '/v1/merchants/{merchantId}/endpoints',
      roles: ROLES,
      tag: 'Endpoints',
      summary: "List a merchant's endpoints",
      params: merchantParams,
      query: pageQuery,
      responses: { 200: pageOf(endpointView) },
      async handle({ principal, params: { merchantId }, query, reads }) {
        requireMerchant(principal, merchantId);
        if ((await findMerchant(reads, merchantId)) === null) throw notFound('merchant');
        return endpointsOf(reads, merchantId, query);
      },
    }),
  ];
}

/** The id that a call makes an endpoint under. */
export function reservedEndpointId({ reservedId }: { reservedId: string }): string {
  return idFromUuid('ep', reservedId);
}

/** @throws Problem where its address may not be called, or there are too many */
export async function registerEndpoint(
  deps: EndpointDeps,
  merchantId: string,
  body: z.output<typeof createEndpoint>,
  reservedId: string,
): Promise<Reply> {
  requireOpenQueue(body.queue);
  await requireCallable(body.url, deps);
  const subscription = newSubscription(merchantId, body);
  const { formatSecret, ...given } = body;
  requireFitting({ ...given, ...subscription, sealedFormatSecret: null }, { formatSecret });
  const id = reservedEndpointId({ reservedId });
  const secret = body.secret ?? newSecret();
  const row = await insertEndpoint(deps.database, {
    ...given,
    ...subscription,
    sealedFormatSecret: sealFormatSecret(deps.secrets, id, formatSecret) ?? null,
    id,
    merchantId,
    secret: deps.secrets.seal(secret, endpointContext(id)),
    headers: sealHeaders(deps.secrets, id, withKept(body.headers, null)),
  });
  if (row === 'no_merchant') throw notFound('merchant');
  if (row === 'no_queue') throw invalid('body.queue', 'No such queue.');
  if (row === 'too_many') {
    const detail = `A merchant has at most ${MAX_ENDPOINTS} endpoints.`;
    throw new Problem(409, 'too_many_endpoints', detail);
  }
  return {
    status: 201,
    body: { ...toEndpointView(row), secret },
    headers: { location: `/v1/endpoints/${id}` },
  };
}

/** A page of a merchant's endpoints. */
export async function endpointsOf(
  reads: Sql,
  merchantId: string,
  { limit, cursor }: z.output<typeof pageQuery>,
): Promise<Reply> {
  const rows = await listEndpoints(reads, merchantId, limit, decodeCursor(cursor));
  return { status: 200, body: toPage(rows, limit, (row) => row.id, toEndpointView) };
}

function changedHeaders({ secrets }: EndpointDeps, given: Headers) {
  return (before: EndpointRow) => {
    const kept = openHeaders(secrets.open, before);
    return sealHeaders(secrets, before.id, withKept(given, kept));
  };
}

function itemRoutes(deps: EndpointDeps): Route[] {
  const { prisma } = deps.database;
  return [
    route({
      method: 'get',
      path: '/v1/endpoints/{id}',
      roles: ROLES,
      tag: 'Endpoints',
      summary: 'Read an endpoint',
      params: endpointParams,
      responses: { 200: endpointView },
      async handle({ principal, params: { id }, reads }) {
        return { status: 200, body: toEndpointView(await visibleEndpoint(reads, principal, id)) };
      },
    }),
    route({
      method: 'patch',
      path: '/v1/endpoints/{id}',
      roles: ROLES,
      tag: 'Endpoints',
      summary: 'Change what is given, leave the rest',
      params: endpointParams,
      body: patchEndpoint,
      responses: { 200: endpointView },
      audit: { action: 'endpoint.update', look: lookAtEndpoint(deps) },
      async handle({ principal, params: { id }, body }) {
        const before = await visibleEndpoint(prisma, principal, id);
        requireSameKind(before, body);
        requireFitting(before, body);
        requireOpenQueue(body.queue);
        if (body.url !== undefined) await requireCallable(body.url, deps);
        const { headers: given, formatSecret, ...rest } = body;
        const sealed = sealFormatSecret(deps.secrets, id, formatSecret);
        const row = await updateEndpoint(deps.database, id, {
          ...rest,
          ...(sealed !== undefined && { sealedFormatSecret: sealed }),
          ...(given !== undefined && { headers: changedHeaders(deps, given) }),
        });
        if (row === 'absent') throw notFound('endpoint');
        if (row === 'no_queue') throw invalid('body.queue', 'No such queue.');
        await deps.wakeReceiver(id);
        return { status: 200, body: toEndpointView(row) };
      },
    }),
    route({
      method: 'delete',
      path: '/v1/endpoints/{id}',
      roles: ROLES,
      tag: 'Endpoints',
      summary: 'Delete an endpoint; what waits for it is cancelled',
      params: endpointParams,
      responses: { 204: null },
      audit: { action: 'endpoint.delete', look: lookAtEndpoint(deps) },
      async handle({ principal, params: { id } }) {
        await visibleEndpoint(prisma, principal, id);
        if (!(await deleteEndpoint(prisma, id))) throw notFound('endpoint');
        // After the commit: what is left of a big backlog, or by a failure, others go on with.
        await deps.cancelForEndpoint(id);
        return { status: 204 };
      },
    }),
  ];
}
