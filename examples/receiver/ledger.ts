import { readFile, rename, writeFile } from 'node:fs/promises';

/** A payment as this receiver knows it. */
export interface Payment {
  version: number;
  status: string;
  amount?: string;
  currency?: string;
  /** When it happened, by the producer; ISO. */
  occurredAt: string;
}

interface State {
  payments: Record<string, Payment>;
  /** Ids of webhooks that were taken, so that a repeat changes nothing. */
  seen: string[];
  /** Where the catch-up feed was left. */
  cursor: string | null;
}

const MOST_SEEN = 10_000;

/** What the receiver knows, in one file. A real one keeps this in its database, in one transaction. */
export async function openLedger(file: string) {
  const state: State = await readFile(file, 'utf8')
    .then((text) => JSON.parse(text) as State)
    .catch(() => ({ payments: {}, seen: [], cursor: null }));
  const seen = new Set(state.seen);
  let saved: Promise<void> = Promise.resolve();

  function save(): Promise<void> {
    saved = saved.then(async () => {
      state.seen = [...seen].slice(-MOST_SEEN);
      await writeFile(`${file}.new`, JSON.stringify(state));
      await rename(`${file}.new`, file);
    });
    return saved;
  }

  return {
    payments: () => new Map(Object.entries(state.payments)),
    cursor: () => state.cursor,
    async moveCursor(cursor: string): Promise<void> {
      state.cursor = cursor;
      await save();
    },
    /**
     * Takes a state of a payment, unless this id was taken before or a higher version is known.
     * @returns what became of it
     */
    async take(
      id: string,
      businessKey: string,
      payment: Payment,
    ): Promise<'taken' | 'repeated' | 'outdated'> {
      if (seen.has(id)) return 'repeated';
      seen.add(id);
      const known = state.payments[businessKey];
      const outdated = known !== undefined && known.version > payment.version;
      if (!outdated) state.payments[businessKey] = payment;
      await save();
      return outdated ? 'outdated' : 'taken';
    },
  };
}

export type Ledger = Awaited<ReturnType<typeof openLedger>>;
