import type { Route } from '../api/route.ts';

/** Only looks something up, and soon. */
export function onlyLooks({ method, audit, streamType }: Route): boolean {
  return streamType === undefined && (method === 'get' || audit === 'changes nothing');
}

/** Its first answer comes again under the same `Idempotency-Key`. What changes nothing may simply be asked again. */
export function keepsAnswers(route: Route): boolean {
  return route.method === 'post' && !onlyLooks(route);
}

/** Changes more than what is taken in all the time: there a key that was revoked a second ago must not pass. */
export function needsFreshKey(route: Route): boolean {
  return route.method !== 'get' && !onlyLooks(route) && route.isIntake !== true;
}
