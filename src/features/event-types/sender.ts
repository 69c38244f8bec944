/**
 * Who sends operational events, in the place of a producer's key. They are nobody's business: no statement, no result of a
 * business key and no newer version of one has to do with them.
 */
export const EVENTS_SENDER = 'gateway-events';
