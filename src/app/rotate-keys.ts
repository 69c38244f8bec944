import { sealOldHeaders } from '../features/accounts/endpoints/store-sealed-headers.ts';
import { secretPlaces } from '../features/accounts/signing/store-reseal.ts';
import { type Resealed, resealPlaces } from '../platform/secrets/reseal.ts';
import type { Parts } from './context.ts';

/**
 * Seals everything anew that another encryption key has sealed, in the background. Every process does
 * it at its start, whatever its role: the last one of a rolling restart finds what was still sealed
 * with the old key while the others went round.
 */
export function startResealing(parts: Parts): void {
  const { databases, foundation, secrets, idempotency, log, closers } = parts;
  const isChanging = foundation.encryptionKeys.length > 1;
  // Millions of answers need not be looked through where there is no other key to open them with.
  const places = [
    ...secretPlaces(databases.background.prisma),
    ...(isChanging ? [idempotency.sealed] : []),
  ];
  const stopping = new AbortController();
  const { prisma } = databases.background;
  const work = sealOldHeaders(prisma, secrets, stopping.signal)
    .then(() => resealPlaces(secrets, places, stopping.signal))
    .then((total) => report(total))
    .catch((error) => log.error({ err: error }, 'resealing failed'));
  closers.push(() => {
    stopping.abort();
    return work;
  });

  function report(total: Resealed | null): void {
    if (total === null) return;
    if (total.unreadable > 0) {
      log.error(total, 'some of what is sealed cannot be opened: is an encryption key missing?');
    } else if (isChanging) {
      log.info(
        total,
        'everything is sealed with the first encryption key: where all processes have it first, ' +
          'the others may be dropped',
      );
    }
  }
}
