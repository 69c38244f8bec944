import type { GatewayClient } from './gateway.ts';
import type { Ledger } from './ledger.ts';

interface FedNotification {
  id: string;
  businessKey: string;
  occurredAt: string;
  result: { status: string; version: number; amount?: string; currency?: string } | null;
}

/**
 * Pages through everything that was not delivered, from where it was left the last time, takes it,
 * and confirms it, so that the ladder stops. The cursor is kept after each page: a crash repeats one.
 *
 * @returns how many notifications were caught up
 */
export async function catchUp(gateway: GatewayClient, ledger: Ledger): Promise<number> {
  let count = 0;
  for (;;) {
    const cursor = ledger.cursor();
    const query = new URLSearchParams({
      undelivered: 'true',
      limit: '100',
      ...(cursor && { cursor }),
    });
    const page = (await gateway.get(`/v1/notifications?${query}`)) as {
      data: FedNotification[];
      nextCursor: string | null;
      hasMore: boolean;
    };
    for (const { id, businessKey, occurredAt, result } of page.data) {
      if (result !== null) await ledger.take(id, businessKey, { ...result, occurredAt });
    }
    if (page.data.length > 0) {
      await gateway.post('/v1/notifications/ack', { ids: page.data.map(({ id }) => id) });
    }
    count += page.data.length;
    if (page.nextCursor !== null) await ledger.moveCursor(page.nextCursor);
    if (!page.hasMore) return count;
  }
}
