import { Prisma } from '../../platform/db/client.ts';

/**
 * Where a delivery goes, of `delivery AS d` and `endpoint AS e`. Producers see merchants' addresses without their
 * queries, which may hold passwords; an address that a producer has given itself it sees whole.
 *
 * @param producerKeyId the producer who looks; null: somebody else
 */
export function shownUrl(producerKeyId: string | null): Prisma.Sql {
  return producerKeyId === null
    ? Prisma.sql`coalesce(d.url, e.url)`
    : Prisma.sql`coalesce(d.url, regexp_replace(e.url, '[?].*$', '?…'))`;
}
