import { invalid } from '../../../api/problem.ts';
import { meant } from '../../event-types/filter.ts';
import { ALERT_INBOX } from './alert-inbox.ts';

/** What an endpoint hears: notifications of `types`, or operational events; never both. */
export interface Subscription {
  types: string[];
  /** Operational types; empty: it hears `types`. */
  events: string[];
}

interface Asked {
  types?: string[] | undefined;
  events?: string[] | undefined;
}

const ALL_TYPES = ['*'];

const NOT_BOTH =
  'An endpoint hears either `types` or the operational `events`, for as long as it lives. Register another one.';

/** @throws Problem 422 where both are asked for, or events that this merchant is not told of */
export function newSubscription(merchantId: string, { types, events }: Asked): Subscription {
  if (events === undefined) return { types: types ?? ALL_TYPES, events: [] };
  if (types !== undefined) throw invalid('body.types', NOT_BOTH);
  requireMeant(merchantId, events);
  return { types: [], events };
}

/** @throws Problem 422 where it would hear the other kind from now on, or what this merchant is not told of */
export function requireSameKind(
  before: Subscription & { merchantId: string },
  { types, events }: Asked,
): void {
  const isOperational = before.events.length > 0;
  if (isOperational && types !== undefined) throw invalid('body.types', NOT_BOTH);
  if (!isOperational && events !== undefined) throw invalid('body.events', NOT_BOTH);
  if (events !== undefined) requireMeant(before.merchantId, events);
}

/** A filter that nothing ever passes is a mistake that would show only when it matters. */
function requireMeant(merchantId: string, events: readonly string[]): void {
  for (const [index, filter] of events.entries()) {
    if (meant(filter, merchantId === ALERT_INBOX).length > 0) continue;
    throw invalid(`body.events.${index}`, 'No operational type that this endpoint may hear.');
  }
}
