/**
 * The merchant that stands for the people who run the gateway: alerts are notifications to it. Its id is none
 * that anybody can give, so no key, no producer and no merchant of a similar name ever has to do with it.
 * (Rejected: a merchant of the id `operators`, made by whoever wants alerts. Whoever signed up under that name
 * was told what is stuck at all the others.)
 */
export const ALERT_INBOX = '~operators';
export const ALERT_INBOX_NAME = 'Alerts of the gateway';

/** Names that would be taken for the gateway's own, in any spelling of their case. */
const RESERVED = new Set(['operators']);

export function isReservedMerchant(id: string): boolean {
  return RESERVED.has(id.toLowerCase());
}
