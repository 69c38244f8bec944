import { z } from 'zod';
import type { CallName } from '../../api/key-scope.ts';
import type { Role } from '../../api/route.ts';

interface ServicePath {
  method: 'get';
  path: string;
  summary: string;
  /** Content type of the 200. */
  type: string;
  schema?: z.ZodType;
  /** Answers 503, as a problem with the same members, when one of them is unfit. */
  mayBeUnready?: true;
  /** Takes a key of one of these roles. */
  roles?: readonly Role[];
  /** What a key's scope must have. */
  call?: CallName;
  /** A limit of requests is before it. */
  isLimited?: true;
}

const JSON_TYPE = 'application/json';

/** What `/metrics` takes of a scoped key: they show how things are going, as the overview does. */
export const METRICS_CALL = 'operations:read' satisfies CallName;

/** Members of `/readyz`'s answers, whether it is ready or not. */
export const readiness = {
  database: z.boolean(),
  queue: z.boolean(),
  process: z.boolean().describe('It may open files, and its worker looks for what is due.'),
  notes: z.array(z.string()).describe('What an operator should know.'),
};

/** What is no part of the features, most of it without a key, as the OpenAPI document has it; service.ts answers it, and console.ts the page. */
export const servicePaths: readonly ServicePath[] = [
  {
    method: 'get',
    path: '/healthz',
    summary: 'The process is up',
    type: JSON_TYPE,
    schema: z.object({ status: z.literal('ok'), version: z.string() }),
  },
  {
    method: 'get',
    path: '/readyz',
    summary: 'Database and queue can be reached',
    type: JSON_TYPE,
    schema: z.object({ status: z.literal('ok'), ...readiness }),
    mayBeUnready: true,
  },
  {
    method: 'get',
    path: '/metrics',
    summary: 'Metrics for Prometheus; METRICS_TOKEN may read them too',
    type: 'text/plain',
    roles: ['operator'],
    call: METRICS_CALL,
    isLimited: true,
  },
  {
    method: 'get',
    path: '/openapi.json',
    summary: 'This document',
    type: JSON_TYPE,
    isLimited: true,
  },
  {
    method: 'get',
    path: '/docs',
    summary: 'This document as a page',
    type: 'text/html',
    isLimited: true,
  },
];
