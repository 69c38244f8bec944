import { z } from 'zod';
import { RECEIVER_ANSWERS, type Webhook } from '../../api/webhook.ts';
import { EVENT_TYPE_NAMES, EVENT_TYPES, type EventTypeName } from './catalogue.ts';

/** The notification of one type of event. */
function envelopeOf(type: EventTypeName) {
  const { audience, description, data } = EVENT_TYPES[type];
  const hearers = audience === 'merchants' ? 'Merchants and operators.' : 'Operators alone.';
  return z
    .object({
      id: z.string().describe('As `webhook-id`.'),
      type: z.literal(type),
      timestamp: z.iso.datetime(),
      businessKey: z
        .string()
        .describe('What it is about, or the merchant where it is about many things.'),
      result: z.null(),
      data,
    })
    .meta({ id: `${nameOf(type)}Event`, description: `${description} ${hearers}` });
}

/** `circuit.opened` → `CircuitOpened` */
function nameOf(type: string): string {
  return type.replaceAll(/(^|\.)(\w)/g, (_, _dot, letter: string) => letter.toUpperCase());
}

const text = z.string();

/** What stands in place of an event where the endpoint has a `format`. */
const MESSAGES = [
  z.object({ text }).meta({ id: 'SlackMessage' }),
  z
    .object({
      timestamp: z.string().optional().describe('Unix seconds; with a `formatSecret` alone.'),
      sign: z.string().optional().describe('Feishu’s own; with a `formatSecret` alone.'),
      msg_type: z.literal('text'),
      content: z.object({ text }),
    })
    .meta({ id: 'FeishuMessage' }),
  z.object({ msgtype: z.literal('text'), text: z.object({ content: z.string() }) }).meta({
    id: 'DingtalkMessage',
    description: 'DingTalk’s own `timestamp` and `sign` are in the address.',
  }),
  z.object({ subject: z.string(), text }).meta({ id: 'MailMessage' }),
];

/** What endpoints with `events` get. */
export const eventWebhooks: readonly Webhook[] = [
  {
    name: 'operationalEvent',
    tag: 'Endpoints',
    summary: 'What happens to the gateway’s own work, to endpoints that ask for it by `events`',
    description:
      'A notification of one of the types that `GET /v1/event-types` lists, signed with the endpoint’s secret, repeated, logged and re-sendable as any other. With `body: raw` it is `data` alone; with a `format` it is a message for a chat’s robot or a mail relay.',
    headers: z.object({
      'webhook-id': z
        .string()
        .regex(/^ntf_[0-9a-z]{26}$/)
        .describe('The notification: the same in every attempt and re-send. Act once for each.'),
    }),
    body: z.union([...EVENT_TYPE_NAMES.map(envelopeOf), ...MESSAGES]),
    answers: {
      ...RECEIVER_ANSWERS,
      '2XX': {
        description:
          'Delivered, if the queue’s `success` is content. Of the `format` feishu only with `code` 0 in the body, of dingtalk with `errcode` 0; of the other formats any.',
      },
    },
  },
];
