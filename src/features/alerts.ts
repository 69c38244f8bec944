import type { Logger } from 'pino';
import type { Transaction } from '../platform/db/client.ts';

/** Something that operators have to know, because nobody else will mend it. */
interface Alert {
  /** `tcc.suspended`, `message.suspended` …; the notification's type is `alert.` and this. */
  type: string;
  /** Tells the same alert from another one; it is raised once. */
  key: string;
  businessKey: string;
  /** JSON for the operators: ids, counts, reasons; no payloads. */
  detail: Record<string, unknown>;
}

/**
 * Stores alerts in the caller's transaction. @returns to be called when it has committed: the line in
 * the log and the count
 */
export type RaiseAlerts = (tx: Transaction, alerts: readonly Alert[]) => Promise<() => void>;

interface AlertDeps {
  log: Pick<Logger, 'error'>;
  /** Makes an ordinary notification of each, in the transaction, if anybody listens. */
  announce(tx: Transaction, alerts: readonly Alert[]): Promise<void>;
  /** For the metrics. */
  count?: (type: string) => void;
}

/**
 * Alerts are a line in the log at level error, and an ordinary notification to the operators' own
 * endpoints, if there are any, on the queue `alerts`: so a webhook of theirs gets them
 * signed, repeated and logged like everything else, and no alert is lost with the process.
 */
export function createAlerts({ log, announce, count }: AlertDeps): RaiseAlerts {
  return async (tx, alerts) => {
    await announce(tx, alerts);
    return () => {
      for (const { type, businessKey, detail } of alerts) {
        log.error({ alert: type, businessKey, ...detail }, 'operators are needed');
        count?.(type);
      }
    };
  };
}
