import { dingtalk } from './dingtalk.ts';
import { email } from './email.ts';
import { feishu } from './feishu.ts';
import type { Dressed, Format, Language, Template } from './formats.ts';
import { messageOf } from './message.ts';
import { slack } from './slack.ts';

/** What an endpoint has chosen for its operational events. */
export interface Dress {
  format: Format;
  language: Language;
  /** Opened; null: none. */
  formatSecret: string | null;
}

const TEMPLATES = { slack, feishu, dingtalk, email } satisfies Partial<Record<Format, Template>>;

/**
 * An event as its endpoint wants it.
 *
 * @param envelope the event as it is
 * @param nowMs of this attempt: some signatures hold for a while only
 * @returns null where it goes out as it is
 */
export function dress(
  { format, language, formatSecret }: Dress,
  url: string,
  envelope: string,
  nowMs: number,
): Dressed | null {
  if (format === 'standard') return null;
  const message = messageOf(JSON.parse(envelope), language);
  return TEMPLATES[format](message, { url, secret: formatSecret, nowMs });
}
