import type { Principal } from './route.ts';

/** Who may see what. Nothing of others is ever found, so it looks exactly like what is absent. */
export interface Scope {
  merchantId: string | null;
  producerKeyId: string | null;
  /** A producer's, where its key names some; null: all. */
  merchants: readonly string[] | null;
}

/** Merchants see what is theirs, producers what they sent, operators everything. */
export function scopeOf(principal: Principal): Scope {
  return {
    merchantId: principal.merchantId,
    merchants: principal.merchants ?? null,
    producerKeyId: principal.role === 'producer' ? principal.keyId : null,
  };
}
