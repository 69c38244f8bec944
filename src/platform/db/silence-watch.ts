import type { Timer } from '../time/clock.ts';
import { systemClock } from '../time/clock.ts';
import { connectTo, type DatabaseServer } from './server.ts';
import type { SessionLimits } from './session.ts';
import type { OpenClients, SessionClient } from './session-client.ts';

interface Watched {
  server: DatabaseServer;
  limits: SessionLimits;
  open: OpenClients;
  /** Told of each connection that was broken off. */
  report(error: Error): void;
}

const SECOND = 1000;
const LOOK_EVERY_MS = SECOND;
/** Looks for which nothing has come, before the server is asked what it makes of that. */
const LOOKS_UNTIL_ASKED = 4;
/** The same while others of the server's connections have gone silent, and how many looks long that is. */
const LOOKS_WHEN_OTHERS_ARE = 1;
const LOOKS_ON_ALERT = 15;
/** PostgreSQL ends a statement by itself at its limit; what is silent for so much longer is no statement. */
const GRACE_MS = 10 * SECOND;

/** What is owed on a connection, and for how many looks not a byte of it has come. */
interface Silence {
  pendingSince: number;
  bytesRead: number;
  looks: number;
  /** How often the server said that it owes nothing. */
  denials: number;
}

/**
 * Breaks off connections that have gone silent: a firewall has forgotten them, or the host behind them is
 * gone. TCP would wait for a quarter of an hour, and two hours where nothing was sent.
 *
 * Slow is not silent. So the server is asked, on a connection made for it, whether it still works on the
 * statement; where it says twice that it does not, the answer got lost. Looks are counted, not seconds, so
 * that a process that stood still does not take what waits for it in its sockets for silence.
 */
export function watchSilence(watched: Watched): { close(): void } {
  const silences = new Map<SessionClient, Silence>();
  let asking = false;
  let alertLooks = 0;
  const timer: Timer = systemClock.every(LOOK_EVERY_MS, look);

  function look(): void {
    for (const client of silences.keys()) if (!watched.open.has(client)) silences.delete(client);
    for (const client of watched.open) note(client);
    const enough = alertLooks > 0 ? LOOKS_WHEN_OTHERS_ARE : LOOKS_UNTIL_ASKED;
    if (alertLooks > 0) alertLooks -= 1;
    const silent = [...silences].filter(([, { looks }]) => looks >= enough);
    const most = (watched.limits.statementTimeoutMs + GRACE_MS) / LOOK_EVERY_MS;
    const overdue = silent.filter(([, { looks }]) => looks >= most);
    if (overdue.length > 0) breakOff(overdue.map(([client]) => client));
    // A pooler's servers are not those that its clients see.
    if (silent.length === 0 || asking || watched.server.isPooled) return;
    asking = true;
    void ask(silent.map(([client]) => client)).finally(() => {
      asking = false;
    });
  }

  function note(client: SessionClient): void {
    const { pendingSince, bytesRead } = client;
    const known = silences.get(client);
    if (pendingSince === null) {
      silences.delete(client);
    } else if (known?.pendingSince === pendingSince && known.bytesRead === bytesRead) {
      known.looks += 1;
    } else {
      silences.set(client, { pendingSince, bytesRead, looks: 0, denials: 0 });
    }
  }

  /** A server that cannot be reached says nothing of what is under way: then the limit above decides. */
  async function ask(clients: SessionClient[]): Promise<void> {
    const working = await workingOn(watched, clients).catch(() => null);
    if (working === null) return;
    const lost = clients.filter((client) => {
      const silence = silences.get(client);
      if (silence === undefined || client.processID === null) return false;
      if (working.has(client.processID)) silence.denials = 0;
      else silence.denials += 1;
      return silence.denials >= 2;
    });
    if (lost.length > 0) breakOff(lost);
  }

  function breakOff(lost: SessionClient[]): void {
    for (const client of lost) {
      silences.delete(client);
      client.destroy('it went silent');
    }
    watched.report(new Error(`${lost.length} connections went silent and were broken off`));
    watched.server.signs.emit('silent');
  }

  function onSuspicion(): void {
    alertLooks = LOOKS_ON_ALERT;
  }

  /** Nobody is to find out by a statement of his own; to open others costs little. */
  function onSilence(): void {
    onSuspicion();
    for (const client of watched.open) {
      if (client.pendingSince === null) client.destroy('others went silent');
    }
  }

  const { signs } = watched.server;
  signs.on('suspected', onSuspicion).on('silent', onSilence);
  return {
    close() {
      timer.cancel();
      signs.off('suspected', onSuspicion).off('silent', onSilence);
    },
  };
}

/** The server's processes that are busy for these clients, and not with waiting for them. */
async function workingOn(
  { server }: Watched,
  clients: SessionClient[],
): Promise<ReadonlySet<number>> {
  const limits = { statementTimeoutMs: 3 * SECOND, lockTimeoutMs: SECOND };
  const asker = await connectTo(server, 'postrider watch', limits, 3 * SECOND);
  const deadline = setTimeout(() => asker.destroy('no answer'), 5 * SECOND);
  try {
    const { rows } = await asker.query<{ pid: number }>(
      `SELECT pid FROM pg_stat_activity
        WHERE pid = ANY ($1) AND state NOT LIKE 'idle%' AND wait_event_type IS DISTINCT FROM 'Client'`,
      [clients.map(({ processID }) => processID).filter((id) => id !== null)],
    );
    return new Set(rows.map(({ pid }) => pid));
  } finally {
    clearTimeout(deadline);
    await asker.end().catch(() => {});
  }
}
