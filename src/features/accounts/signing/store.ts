import type { Sql } from '../../../platform/db/client.ts';
import type { Format, Language } from '../../event-types/formats/formats.ts';

/** Sealed secrets that sign now: the current one and, within its overlap, the previous one. */
export interface SealedSecrets {
  id: string;
  secret: string;
  previousSecret: string | null;
}

export interface TargetRow extends SealedSecrets {
  url: string;
  headers: Record<string, string>;
  sealedHeaders: string | null;
  body: 'envelope' | 'raw';
  format: Format;
  language: Language;
  sealedFormatSecret: string | null;
  deleted: boolean;
}

export async function findTargets(sql: Sql, endpointIds: string[]): Promise<TargetRow[]> {
  return sql.$queryRaw<TargetRow[]>`
    SELECT id, url, headers, sealed_headers AS "sealedHeaders", body, format, language,
           sealed_format_secret AS "sealedFormatSecret", deleted_at IS NOT NULL AS deleted, secret,
           CASE WHEN previous_secret_expires_at > postrider_now() THEN previous_secret END
             AS "previousSecret"
      FROM endpoint WHERE id = ANY(${endpointIds}::text[])`;
}

export async function findMerchantSecrets(
  sql: Sql,
  merchantIds: string[],
): Promise<SealedSecrets[]> {
  return sql.$queryRaw<SealedSecrets[]>`
    SELECT id, secret,
           CASE WHEN previous_secret_expires_at > postrider_now() THEN previous_secret END
             AS "previousSecret"
      FROM merchant WHERE id = ANY(${merchantIds}::text[])`;
}

export async function findCallbackSecrets(sql: Sql, keyIds: string[]): Promise<SealedSecrets[]> {
  return sql.$queryRaw<SealedSecrets[]>`
    SELECT id, callback_secret AS secret,
           CASE WHEN previous_callback_secret_expires_at > postrider_now()
                THEN previous_callback_secret END AS "previousSecret"
      FROM api_key
     WHERE id = ANY(${keyIds}::text[]) AND callback_secret IS NOT NULL`;
}
