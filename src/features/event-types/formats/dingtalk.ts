import { createHmac } from 'node:crypto';
import type { Template } from './formats.ts';

/** DingTalk's custom robots. They answer 200 with an errcode other than 0 where something is wrong. */
export const dingtalk: Template = ({ subject, lines }, { url, secret, nowMs }) => ({
  url: secret === null ? url : signed(url, secret, nowMs),
  body: JSON.stringify({ msgtype: 'text', text: { content: [subject, ...lines].join('\n') } }),
  answers: { path: 'errcode', equals: 0 },
});

function signed(text: string, secret: string, nowMs: number): string {
  const url = new URL(text);
  const sign = createHmac('sha256', secret).update(`${nowMs}\n${secret}`).digest('base64');
  url.searchParams.set('timestamp', String(nowMs));
  url.searchParams.set('sign', sign);
  return url.href;
}
