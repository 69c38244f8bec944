import type { Outcome } from '../delivery.ts';
import type { WebhookResponse } from '../http/send.ts';
import type { Verdict } from './decide.ts';
import type { SuccessRule } from './rules.ts';

/** Judges an answer by the queue's success rule. Pure. */
export function judge(answer: WebhookResponse, success: SuccessRule): Outcome {
  if (answer.kind === 'failure') return answer.outcome;
  if (answer.statusCode < 200 || answer.statusCode > 299) return 'http_status';
  const { cutOff } = answer;
  // One that breaks off is no answer; but where nobody asks for a body, it matters not that it has no end.
  if (cutOff === 'timeout' || cutOff === 'connection_error') return cutOff;
  if (success.body === 'any') return 'success';
  if (cutOff === 'no_end') return 'timeout';
  return bodyMatches(answer.body, success.body) ? 'success' : 'body_mismatch';
}

/** What an answer means where its protocol has no opinion: 410 is a no, Retry-After is heard. */
export function readPlainly(answer: WebhookResponse, outcome: Outcome): Verdict {
  if (outcome === 'success') return { kind: 'yes' };
  if (answer.kind === 'failure') return { kind: 'unknown', retryAfterMs: null };
  if (answer.statusCode === 410) return { kind: 'no', reason: 'gone' };
  return { kind: 'unknown', retryAfterMs: answer.retryAfterMs };
}

function bodyMatches(body: string, rule: Exclude<SuccessRule['body'], 'any'>): boolean {
  if ('equals' in rule) return body.trim() === rule.equals;
  try {
    return valueAt(JSON.parse(body), rule.json.path) === rule.json.equals;
  } catch {
    return false;
  }
}

/** The value at a dotted path; only own properties count, so `__proto__` finds nothing. */
function valueAt(value: unknown, path: string): unknown {
  let found = value;
  for (const key of path.split('.')) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Record<string, unknown>)[key];
  }
  return found;
}
