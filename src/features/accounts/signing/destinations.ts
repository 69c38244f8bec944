import { LRUCache } from 'lru-cache';
import type { Logger } from 'pino';
import type { WebhookRequest } from '../../../engine/http/send.ts';
import type { Database } from '../../../platform/db/client.ts';
import type { SecretBox } from '../../../platform/secrets/secret-box.ts';
import { type Dress, dress } from '../../event-types/formats/dress.ts';
import { openHeaders } from '../endpoints/sealed-headers.ts';
import {
  callbackContext,
  endpointContext,
  formatContext,
  merchantContext,
} from './secret-contexts.ts';
import {
  findCallbackSecrets,
  findMerchantSecrets,
  findTargets,
  type SealedSecrets,
  type TargetRow,
} from './store.ts';

/** What an attempt needs to know of an endpoint. */
export interface EndpointTarget {
  id: string;
  url: string;
  headers: Record<string, string>;
  body: 'envelope' | 'raw';
  /** How its operational events look. */
  dress: Dress;
  /** `whsec_…`, the current one first; the previous one while its overlap lasts. At least one. */
  secrets: string[];
  deleted: boolean;
}

export interface Targets {
  /**
   * Endpoints by id, deleted ones too, in one statement. One whose secret cannot be opened is logged
   * and missing: it must not be sent to unsigned, and its neighbours must not wait for it.
   */
  loadEndpointTargets(ids: string[]): Promise<Map<string, EndpointTarget>>;
  /** Merchants' own secrets by merchant id, by the same rules. */
  loadMerchantSecrets(ids: string[]): Promise<Map<string, string[]>>;
  /** Callback secrets of producers' keys by key id, revoked ones too, by the same rules. */
  loadCallbackSecrets(keyIds: string[]): Promise<Map<string, string[]>>;
}

/**
 * What goes to an endpoint in the format that it has chosen, if it has. Only such as ask for operational events can.
 *
 * @param envelope the event as it is
 */
export function inItsFormat(
  letter: WebhookRequest,
  { dress: chosen, url }: EndpointTarget,
  envelope: string,
  nowMs: number,
): WebhookRequest {
  const dressed = dress(chosen, url, envelope, nowMs);
  if (dressed === null) return letter;
  const { answers, ...others } = dressed;
  return { ...letter, ...others, success: { body: answers ? { json: answers } : 'any' } };
}

/** Opened secrets that are kept, so that not every attempt has to decrypt. */
const MAX_OPENED = 10_000;

export function createTargets(deps: {
  database: Database;
  secrets: SecretBox;
  log: Pick<Logger, 'error'>;
}): Targets {
  const { prisma } = deps.database;
  const opened = new LRUCache<string, string>({ max: MAX_OPENED });

  function open(sealed: string, context: string): string {
    // With its context: what was moved to another row must not be found here either.
    const place = `${context} ${sealed}`;
    const known = opened.get(place);
    if (known !== undefined) return known;
    const secret = deps.secrets.open(sealed, context);
    opened.set(place, secret);
    return secret;
  }

  function tryOpen(sealed: string, context: string): string | null {
    try {
      return open(sealed, context);
    } catch (error) {
      deps.log.error({ err: error, context }, 'a secret cannot be opened, it signs nothing');
      return null;
    }
  }

  function tryOpenHeaders(row: TargetRow): Record<string, string> | null {
    try {
      return openHeaders(open, row);
    } catch (error) {
      deps.log.error(
        { err: error, endpointId: row.id },
        'headers cannot be opened, nothing is sent',
      );
      return null;
    }
  }

  /** undefined: there is one that cannot be opened. */
  function tryOpenDress({
    id,
    format,
    language,
    sealedFormatSecret,
  }: TargetRow): Dress | undefined {
    if (sealedFormatSecret === null) return { format, language, formatSecret: null };
    const formatSecret = tryOpen(sealedFormatSecret, formatContext(id));
    return formatSecret === null ? undefined : { format, language, formatSecret };
  }

  function openAll({ secret, previousSecret }: SealedSecrets, context: string): string[] | null {
    const current = tryOpen(secret, context);
    if (current === null) return null;
    const previous = previousSecret === null ? null : tryOpen(previousSecret, context);
    return previous === null ? [current] : [current, previous];
  }

  return {
    async loadEndpointTargets(ids) {
      const targets = new Map<string, EndpointTarget>();
      for (const row of await findTargets(prisma, ids)) {
        const secrets = openAll(row, endpointContext(row.id));
        const headers = tryOpenHeaders(row);
        const chosen = tryOpenDress(row);
        if (secrets === null || headers === null || chosen === undefined) continue;
        const { id, url, body, deleted } = row;
        targets.set(id, { id, url, headers, body, dress: chosen, secrets, deleted });
      }
      return targets;
    },
    async loadMerchantSecrets(ids) {
      const secretsById = new Map<string, string[]>();
      for (const row of await findMerchantSecrets(prisma, ids)) {
        const secrets = openAll(row, merchantContext(row.id));
        if (secrets !== null) secretsById.set(row.id, secrets);
      }
      return secretsById;
    },
    async loadCallbackSecrets(keyIds) {
      const secretsById = new Map<string, string[]>();
      for (const row of await findCallbackSecrets(prisma, keyIds)) {
        const secrets = openAll(row, callbackContext(row.id));
        if (secrets !== null) secretsById.set(row.id, secrets);
      }
      return secretsById;
    },
  };
}
