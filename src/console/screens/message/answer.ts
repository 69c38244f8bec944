import type { AttemptView } from '../../api/notifications.ts';

const SAID = ['committed', 'rolled_back', 'unknown'] as const;

/** What a producer said to a check-back: one of its own words, `working` (425), or nothing at all. */
export type CheckAnswer = (typeof SAID)[number] | 'working' | 'silent';

/** As the gateway reads it: whatever was answered and means nothing counts as unknown. */
export function answerOf({
  statusCode,
  responseExcerpt,
}: Pick<AttemptView, 'statusCode' | 'responseExcerpt'>): CheckAnswer {
  if (statusCode === null) return 'silent';
  if (statusCode === 409) return 'rolled_back';
  if (statusCode === 425) return 'working';
  const isRead = statusCode >= 200 && statusCode <= 299;
  return (isRead && SAID.find((word) => word === statusIn(responseExcerpt))) || 'unknown';
}

/** Whether there is nothing more to be seen than that: it said so itself, or said nothing. */
export function saysUnknown({ responseExcerpt }: Pick<AttemptView, 'responseExcerpt'>): boolean {
  return !responseExcerpt || statusIn(responseExcerpt) === 'unknown';
}

function statusIn(text: string | null): unknown {
  try {
    const said: unknown = JSON.parse(text ?? '');
    return typeof said === 'object' && said !== null && 'status' in said ? said.status : null;
  } catch {
    return null;
  }
}
