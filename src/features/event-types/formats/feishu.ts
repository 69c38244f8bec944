import { createHmac } from 'node:crypto';
import type { Template } from './formats.ts';

const SECOND = 1000;

/**
 * Feishu's (and Lark's) custom bots. They answer 200 with a code other than 0 where something is wrong. What is signed is
 * nothing, under a key made of the time and the secret; that is how Feishu has it.
 */
export const feishu: Template = ({ subject, lines }, { url, secret, nowMs }) => {
  const timestamp = String(Math.floor(nowMs / SECOND));
  const sign =
    secret === null
      ? null
      : createHmac('sha256', `${timestamp}\n${secret}`).update('').digest('base64');
  // A text may mention people by tags: nothing that a producer has written should.
  const text = [subject, ...lines].join('\n').replaceAll('<', '‹').replaceAll('>', '›');
  return {
    url,
    body: JSON.stringify({
      ...(sign !== null && { timestamp, sign }),
      msg_type: 'text',
      content: { text },
    }),
    answers: { path: 'code', equals: 0 },
  };
};
