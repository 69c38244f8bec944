import { z } from 'zod';
import { RECEIVER_ANSWERS, type Webhook } from '../../api/webhook.ts';
import { notificationBody, notificationId } from '../notification/webhooks.ts';
import { examples } from './examples.ts';

const messageId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{1,64}$/)
  .describe('The producer’s own `messageId`, or the one that it was given.');

const check = z
  .object({
    messageId,
    businessKey: z.string(),
    checkNumber: z
      .int()
      .min(1)
      .describe(
        'Counts the check-backs of this message from 1, those without an answer and those after a recheck too.',
      ),
  })
  .meta({ id: 'CheckBack', examples: [examples.check] });

const checkAnswer = z
  .looseObject({ status: z.enum(['committed', 'rolled_back', 'unknown']) })
  .meta({ id: 'CheckBackAnswer', examples: [examples.checkAnswer] });

/** What is asked of a message's producer, and what its consumers get. */
export const messageWebhooks: readonly Webhook[] = [
  {
    name: 'checkBack',
    tag: 'Messages',
    summary: 'Asks the producer how its transaction ended',
    description:
      'To `checkUrl` while a message is prepared: first after `checkAfterSeconds`, then with pauses that double from 10 s to 300 s, for a day. Signed with the `callbackSecret` of the producer’s key. An answer is waited for 3 s; where none comes, the check does not count. After fifteen answers that say nothing the message is suspended: it is never rolled back by itself.',
    headers: z.object({
      'webhook-id': messageId.describe('The message: the same in all its check-backs.'),
    }),
    body: check,
    answers: {
      '2XX': {
        description:
          '`committed`: the message is confirmed and sent. `rolled_back`: it is cancelled. `unknown`, and a body without a `status` of these three: asked again, one of the fifteen.',
        body: checkAnswer,
      },
      409: { description: 'As `rolled_back`, whatever the body.' },
      425: {
        description:
          'The transaction is still running: asked again after 5 s; none of the fifteen.',
      },
      default: {
        description:
          'As `unknown`, 404 too: no message is cancelled because nobody knows it. `Retry-After` of 429 and 503 lengthens the pause.',
      },
    },
  },
  {
    name: 'message',
    tag: 'Messages',
    summary: 'A confirmed message, to its consumers',
    description:
      'As a notification, with the name of the message besides. Of `completion: http` a 2xx completes it. Of `explicit` the consumer does, by `POST /v1/messages/{id}/complete` with `postrider-delivery` as `deliveryId`; until then it is sent again.',
    headers: z.object({
      'webhook-id': notificationId,
      'postrider-message': messageId.describe(
        'What `POST /v1/messages/{id}/complete` takes as id. Not signed.',
      ),
    }),
    body: notificationBody,
    answers: {
      ...RECEIVER_ANSWERS,
      '2XX': {
        description:
          'Of `completion: http` completed. Of `explicit` only sent: sent again after `completeAfterSeconds` unless it was completed.',
      },
    },
  },
];
