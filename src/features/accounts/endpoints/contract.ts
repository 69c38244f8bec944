import { z } from 'zod';
import { ATTEMPT_OUTCOMES } from '../../../engine/delivery.ts';
import { FORMATS, LANGUAGES } from '../../event-types/formats/formats.ts';
import { examples } from '../examples.ts';
import { anyId } from '../keys/contract.ts';
import { secretText } from '../signing/contract-secret.ts';
import { headerFault } from './header-rules.ts';

/** Dotted words, or the beginning of some with `*` after it: `payment.succeeded`, `payment.*`, `*`. */
const typeFilter = z
  .string()
  .max(128)
  .regex(/^(\*|[\w-]+(\.[\w-]+)*(\.?\*)?)$/, 'Dotted words, with a * at the end if need be.');

const ALL_TYPES = ['*'];

const customHeaders = z
  .record(z.string(), z.string())
  .superRefine((headers, context) => {
    const fault = headerFault(headers);
    if (fault === null) return;
    const path = fault.name === null ? [] : [fault.name];
    context.addIssue({ code: 'custom', path, message: fault.message });
  })
  .describe(
    'Sent with every attempt. Not those that the transport or the signature needs. Values are never shown again: `***`, ' +
      'which in a PATCH keeps the value.',
  );

/** The fields that a caller decides; everything but `url` may be missing. */
const fields = {
  url: z.string().min(1).max(2048),
  types: z
    .array(typeFilter)
    .min(1)
    .max(50)
    .nullable()
    .transform((types) => types ?? ALL_TYPES)
    .describe('Absent, and null: all of them, as ["*"] does. In a PATCH absent changes nothing.'),
  events: z
    .array(typeFilter)
    .min(1)
    .max(50)
    .describe(
      'Operational types (GET /v1/event-types) in place of `types`: such an endpoint is told what happens to the gateway’s ' +
        'own work for its merchant, and hears no notifications.',
    ),
  queue: z
    .string()
    .max(64)
    .nullable()
    .describe("For notifications that name none; null: the queue 'default'."),
  description: z
    .string()
    .max(500)
    .regex(/^[^\0]*$/)
    .nullable(),
  headers: customHeaders,
  body: z.enum(['envelope', 'raw']),
  format: z
    .enum(FORMATS)
    .describe(
      'How operational events look: as they are, or as a message for a chat’s robot or for a mail relay (subject, text). ' +
        'Only beside `events`.',
    ),
  language: z.enum(LANGUAGES).describe('Of such a message.'),
  formatSecret: z
    .string()
    .min(1)
    .max(200)
    .nullable()
    .describe('With which Feishu’s and DingTalk’s robots check what they get. Never shown again.'),
  maxInFlight: z.int().min(1).max(1000).nullable().describe("null: the queue's limit."),
  // What comes slower than one in a quarter of an hour is a pause, and overflows the pacing's sums.
  ratePerSecond: z.number().min(0.001).max(10_000).nullable(),
};

export const createEndpoint = z.strictObject({
  url: fields.url,
  types: fields.types.optional(),
  events: fields.events.optional(),
  queue: fields.queue.default(null),
  description: fields.description.default(null),
  headers: fields.headers.default({}),
  secret: secretText.optional().describe('A secret of your own; made when absent.'),
  body: fields.body.default('envelope'),
  format: fields.format.default('standard'),
  language: fields.language.default('en'),
  formatSecret: fields.formatSecret.default(null),
  maxInFlight: fields.maxInFlight.default(null),
  ratePerSecond: fields.ratePerSecond.default(null),
});

export const patchEndpoint = z.strictObject(z.object(fields).partial().shape);

export const endpointView = z.object({
  id: z.string(),
  merchantId: z.string(),
  url: z.string(),
  types: z.array(z.string()).describe('Empty where it hears `events`.'),
  events: z
    .array(z.string())
    .describe('The operational types that it asks for; empty: it hears `types`.'),
  queue: z.string().nullable(),
  description: z.string().nullable(),
  headers: z.record(z.string(), z.string()),
  body: z.enum(['envelope', 'raw']),
  format: z.enum(FORMATS),
  language: z.enum(LANGUAGES),
  hasFormatSecret: z.boolean(),
  maxInFlight: z.int().nullable(),
  ratePerSecond: z.number().nullable(),
  status: z.enum(['active', 'paused', 'disabled']),
  disabledReason: z.string().nullable().describe('`gone`: it answered 410.'),
  circuit: z.object({
    state: z
      .enum(['closed', 'open'])
      .describe('open: it kept failing and is tried one attempt at a time, with growing pauses.'),
    openUntil: z.iso.datetime().nullable().describe('No attempt before this time.'),
  }),
  previousSecretExpiresAt: z.iso
    .datetime()
    .nullable()
    .describe('Until then the secret before this one signs too; null: this one alone.'),
  duplicates: z
    .array(z.string())
    .describe(
      'Endpoints of the merchant with the same address that hear some of the same types: what they both hear arrives once for each.',
    ),
  createdAt: z.iso.datetime(),
});

export const createdEndpoint = endpointView.extend({
  secret: z.string().describe('Signs every attempt. Shown this once.'),
});

/** What one attempt at a test brought. */
export const testView = z.object({
  outcome: z.enum(ATTEMPT_OUTCOMES),
  statusCode: z.int().nullable(),
  durationMs: z.int().nullable(),
  responseExcerpt: z.string().nullable(),
  error: z.string().nullable(),
  remoteAddress: z.string().nullable(),
});

export const endpointParams = z.strictObject({
  id: anyId.meta({ examples: [examples.endpointView.id] }),
});

export type CreateEndpoint = z.output<typeof createEndpoint>;
export type PatchEndpoint = z.output<typeof patchEndpoint>;
export type EndpointView = z.output<typeof endpointView>;
export type TestResult = z.output<typeof testView>;

// What /docs shows of them.
z.globalRegistry.add(createEndpoint, { id: 'Endpoint', examples: [examples.createEndpoint] });
z.globalRegistry.add(patchEndpoint, { id: 'EndpointPatch', examples: [examples.patchEndpoint] });
z.globalRegistry.add(endpointView, { id: 'Endpoint', examples: [examples.endpointView] });
z.globalRegistry.add(createdEndpoint, {
  id: 'CreatedEndpoint',
  examples: [examples.createdEndpoint],
});
