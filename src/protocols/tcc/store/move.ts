import type { Sql } from '../../../platform/db/client.ts';
import type { SecondPhase } from './progress.ts';

export interface NewUrls {
  confirmUrl?: string | undefined;
  cancelUrl?: string | undefined;
}

/**
 * Gives a branch other addresses for its second phase.
 *
 * @param decision as the caller has seen it
 * @returns false where it has finished, or was decided since
 */
export async function moveBranch(
  sql: Sql,
  id: string,
  decision: SecondPhase | null,
  { confirmUrl, cancelUrl }: NewUrls,
): Promise<boolean> {
  const changed = await sql.$executeRaw`
    UPDATE tcc_branch AS b
       SET confirm_url = coalesce(${confirmUrl ?? null}, b.confirm_url),
           cancel_url = coalesce(${cancelUrl ?? null}, b.cancel_url)
      FROM tcc_transaction AS t
     WHERE t.id = b.transaction_id AND b.id = ${id} AND b.finished_at IS NULL
       AND t.decision IS NOT DISTINCT FROM ${decision}`;
  return changed === 1;
}
