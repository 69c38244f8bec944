import type { Webhook, WebhookAnswer } from '../../api/webhook.ts';
import { namedParameters } from './parameters.ts';
import type { SchemaShelf } from './schema.ts';

/** What every call that the gateway makes has, told once, under `components.parameters`. */
export const WEBHOOK_PARAMETERS = {
  WebhookTimestamp: header('webhook-timestamp', {
    description:
      'Unix seconds of this attempt. Signed: refuse what is older than a few minutes, or a recorded call can be replayed.',
    pattern: '^\\d+$',
  }),
  WebhookSignature: header('webhook-signature', {
    description:
      'Standard Webhooks: `v1,` and the base64 of HMAC-SHA256 over `<webhook-id>.<webhook-timestamp>.<body>`, the body byte for byte. Several with blanks between them while a rotation’s overlap lasts; one that fits is enough.',
    pattern: '^v1,[A-Za-z0-9+/]{43}=( v1,[A-Za-z0-9+/]{43}=)*$',
  }),
  PostriderDelivery: header('postrider-delivery', {
    description: 'The delivery that makes the call, the same in all its attempts. Not signed.',
    pattern: '^dlv_[0-9a-z]{26}$',
  }),
  PostriderCycle: header('postrider-cycle', {
    description: 'The round: 1, and one more with each re-send by hand. Not signed.',
    pattern: '^[1-9]\\d*$',
  }),
  PostriderAttempt: header('postrider-attempt', {
    description: 'The number of the attempt in its round, from 1. Not signed.',
    pattern: '^[1-9]\\d*$',
  }),
  UserAgent: header('user-agent', {
    description: 'The gateway and its version.',
    pattern: '^Postrider/',
  }),
  AcceptEncoding: header('accept-encoding', {
    description: 'Answers are read as they come.',
    pattern: '^identity$',
  }),
} as const;

const SHARED = Object.keys(WEBHOOK_PARAMETERS).map((name) => ({
  $ref: `#/components/parameters/${name}`,
}));

/** The `webhooks` of the document. They carry no key: their signature says who calls. */
export function webhooksOf(
  webhooks: readonly Webhook[],
  shelf: SchemaShelf,
): Record<string, object> {
  return Object.fromEntries(
    webhooks.map(({ name, tag, summary, description, headers, body, answers }) => [
      name,
      {
        post: {
          operationId: name,
          summary,
          description,
          tags: [tag],
          security: [],
          parameters: [...ownHeaders(headers, shelf), ...SHARED],
          requestBody: { required: true, content: jsonContent(shelf.of(body, 'output')) },
          responses: Object.fromEntries(
            Object.entries(answers).map(([status, answer]) => [status, answerOf(answer, shelf)]),
          ),
        },
      },
    ]),
  );
}

/** Their words stand beside the schema: Swagger UI shows none that are in it. */
function ownHeaders(headers: Webhook['headers'], shelf: SchemaShelf): object[] {
  return namedParameters('header', headers, shelf).map(({ schema, ...parameter }) => {
    const { description, ...form } = schema;
    return { ...parameter, ...(description !== undefined && { description }), schema: form };
  });
}

function answerOf({ description, body }: WebhookAnswer, shelf: SchemaShelf): object {
  return {
    description,
    ...(body !== undefined && { content: jsonContent(shelf.of(body, 'output')) }),
  };
}

function jsonContent(schema: object): object {
  return { 'application/json': { schema } };
}

function header(name: string, { description, pattern }: { description: string; pattern: string }) {
  return { name, in: 'header', required: true, description, schema: { type: 'string', pattern } };
}
