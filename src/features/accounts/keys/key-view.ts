import type { AuditState } from '../../../api/route.ts';
import type { Sql } from '../../../platform/db/client.ts';
import type { KeyView } from './contract.ts';
import { findKey, type KeyRow } from './store.ts';

/** What the audit log keeps of a key; null: there is none. */
export async function keyStateOf(sql: Sql, id: string): Promise<AuditState | null> {
  const row = await findKey(sql, id);
  if (row === null) return null;
  const { id: _id, lastUsedAt: _used, ...state } = viewOfKey(row);
  return { merchantId: row.merchantId, state };
}

export function viewOfKey(row: KeyRow): KeyView {
  return {
    id: row.id,
    role: row.role,
    merchantId: row.merchantId,
    name: row.name,
    calls: row.calls,
    merchants: row.merchants,
    networks: row.networks,
    createdAt: row.createdAt.toISOString(),
    expiresAt: row.expiresAt?.toISOString() ?? null,
    lifetimeDays: row.lifetimeDays,
    rotatedAt: row.rotatedAt?.toISOString() ?? null,
    previousKeyExpiresAt: row.previousKeyExpiresAt?.toISOString() ?? null,
    revokedAt: row.revokedAt?.toISOString() ?? null,
    lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
  };
}
