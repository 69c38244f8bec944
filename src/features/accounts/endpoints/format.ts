import { invalid } from '../../../api/problem.ts';
import type { SecretBox } from '../../../platform/secrets/secret-box.ts';
import { type Format, SIGNED_FORMATS } from '../../event-types/formats/formats.ts';
import { formatContext } from '../signing/secret-contexts.ts';

interface Asked {
  format?: Format | undefined;
  formatSecret?: string | null | undefined;
}

/**
 * @param before the endpoint as it was, or is to be without this
 * @throws Problem 422 where notifications of business would be changed, or a secret would sign nothing
 */
export function requireFitting(
  before: { events: string[]; format: Format; sealedFormatSecret: string | null },
  { format = before.format, formatSecret }: Asked,
): void {
  if (format !== 'standard' && before.events.length === 0) {
    const detail =
      'Only endpoints that ask for `events` may have a format: other notifications go out as they came in.';
    throw invalid('body.format', detail);
  }
  const hasSecret =
    formatSecret === undefined ? before.sealedFormatSecret !== null : formatSecret !== null;
  if (hasSecret && !SIGNED_FORMATS.includes(format)) {
    throw invalid(
      'body.formatSecret',
      `Only these formats are signed by it: ${SIGNED_FORMATS.join(', ')}.`,
    );
  }
}

/** undefined: nothing was said of it. */
export function sealFormatSecret(
  secrets: SecretBox,
  endpointId: string,
  formatSecret: string | null | undefined,
): string | null | undefined {
  return formatSecret == null
    ? formatSecret
    : secrets.seal(formatSecret, formatContext(endpointId));
}
