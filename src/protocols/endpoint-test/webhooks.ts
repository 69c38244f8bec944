import { z } from 'zod';
import type { Webhook } from '../../api/webhook.ts';

const endpointId = z.string();

const envelope = z
  .object({
    id: z.string().describe('As `webhook-id`.'),
    type: z.literal('endpoint.test'),
    timestamp: z.iso.datetime(),
    data: z.object({ endpointId }),
  })
  .meta({
    id: 'EndpointTestEnvelope',
    examples: [
      {
        id: 'ntf_01m81sz3q8e6t2b9w5n7x4k1rd',
        type: 'endpoint.test',
        timestamp: '2026-11-22T08:00:00.214Z',
        data: { endpointId: 'ep_01m81sv3c2f0kb8m0c8yq1hs2a' },
      },
    ],
  });

/** What `POST /v1/endpoints/{id}/test` sends. */
export const endpointTestWebhooks: readonly Webhook[] = [
  {
    name: 'endpointTest',
    tag: 'Endpoints',
    summary: 'A test of an endpoint',
    description:
      'One attempt, asked for by `POST /v1/endpoints/{id}/test`, which answers what came of it. Signed with the endpoint’s secret, with the endpoint’s own `headers`. With `body: raw` it is `data` alone; with a `format` it is a message as operational events are.',
    headers: z.object({
      'webhook-id': z
        .string()
        .regex(/^ntf_[0-9a-z]{26}$/)
        .describe('The test. There is no notification of this id.'),
    }),
    body: z.union([envelope, z.object({ endpointId }).meta({ id: 'EndpointTestData' })]),
    answers: {
      '2XX': {
        description:
          '`success`, or `body_mismatch` where the queue’s `success` asks for another body.',
      },
      default: { description: 'Never repeated. The test’s answer says what it was.' },
    },
  },
];
