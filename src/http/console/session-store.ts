import type { Sql } from '../../platform/db/client.ts';

/** A shared key may be logged in from many places; beyond these its oldest session ends. */
const MAX_OF_A_KEY = 200;

/** The console's sessions that run, in whichever process they began. */
export interface SessionStore {
  begin(session: { id: string; keyId: string; lastsMs: number }): Promise<void>;
  /** Those of these, by id, that still run. */
  findLive(ids: string[]): Promise<Set<string>>;
  end(id: string): Promise<void>;
  /** @returns how many ended */
  endOfKey(keyId: string): Promise<number>;
}

/** All SQL of table `console_session`. */
export function createSessionStore(sql: Sql): SessionStore {
  return {
    async begin({ id, keyId, lastsMs }) {
      await sql.$executeRaw`DELETE FROM console_session WHERE ends_at <= postrider_now()`;
      await sql.$executeRaw`
        INSERT INTO console_session (id, key_id, ends_at)
        VALUES (${id}, ${keyId}, postrider_now() + ${lastsMs} * interval '1 millisecond')`;
      await sql.$executeRaw`
        DELETE FROM console_session WHERE id IN (
          SELECT id FROM console_session WHERE key_id = ${keyId}
           ORDER BY begun_at DESC, id DESC OFFSET ${MAX_OF_A_KEY})`;
    },
    async findLive(ids) {
      const rows = await sql.$queryRaw<{ id: string }[]>`
        SELECT id FROM console_session
         WHERE id = ANY(${ids}::text[]) AND ends_at > postrider_now()`;
      return new Set(rows.map(({ id }) => id));
    },
    async end(id) {
      await sql.$executeRaw`DELETE FROM console_session WHERE id = ${id}`;
    },
    async endOfKey(keyId) {
      return await sql.$executeRaw`DELETE FROM console_session WHERE key_id = ${keyId}`;
    },
  };
}
