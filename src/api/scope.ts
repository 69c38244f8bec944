import type { Scope } from '../protocols/notification/store/find.ts';
import type { Principal } from './route.ts';

/** Merchants see what is theirs, producers what they sent, operators everything. */
export function scopeOf(principal: Principal): Scope {
  return {
    merchantId: principal.merchantId,
    merchants: principal.merchants ?? null,
    producerKeyId: principal.role === 'producer' ? principal.keyId : null,
  };
}
