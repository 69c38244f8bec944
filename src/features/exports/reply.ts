import { Readable } from 'node:stream';
import { z } from 'zod';
import type { Reply } from '../../api/route.ts';
import { FORMATS, type Format, formatFor } from './accepts.ts';
import { reprDigest } from './digest.ts';
import { type Export, render } from './render.ts';

const PIECE_BYTES = 64 * 1024;
/** Names for those that cannot say `Accept`, such as a link in a browser. */
const NAMED = {
  json: 'application/json',
  csv: 'text/csv',
  ndjson: 'application/x-ndjson',
} as const satisfies Record<string, Format>;
const EXTENSIONS: Record<Format, string> = {
  'application/json': 'json',
  'text/csv': 'csv',
  'application/x-ndjson': 'ndjson',
};

/** What a route that answers an export says of it, beside the schema of its JSON form. */
export const ALSO_ANSWERS = FORMATS.filter((format) => format !== 'application/json');
export const formatName = z
  .enum(['json', 'csv', 'ndjson'])
  .optional()
  .describe('In place of `Accept`, for links: answers as a file to be kept.');

export const exportHeaders = z.object({
  'Postrider-Row-Count': z.int().describe('`rowCount`.'),
  'Repr-Digest': z
    .string()
    .regex(/^sha-256=:[A-Za-z0-9+/]{43}=:$/)
    .describe(
      'RFC 9530: SHA-256 of the very bytes of this answer, in base64 between the colons. Checks any form: ' +
        '`openssl dgst -sha256 -binary FILE | base64`.',
    ),
  'Content-Disposition': z
    .string()
    .optional()
    .describe('Names a file, for CSV and wherever `format` is said.'),
  Vary: z.string().describe('`Accept`: one address, three forms.'),
});

/** The form that a caller wants. */
export interface Wanted {
  format: Format;
  /** By name, for a file to be kept. */
  isNamed: boolean;
}

/** @throws Problem 406 where `Accept` takes none of the forms */
export function wantedForm(name: z.output<typeof formatName>, accept: string | undefined): Wanted {
  if (name !== undefined) return { format: NAMED[name], isNamed: true };
  return { format: formatFor(accept), isNamed: false };
}

interface ReplyOptions extends Wanted {
  /** Without its extension. */
  fileName: string;
  headers?: Record<string, string>;
  isGone(): boolean;
}

/** An export as an answer. @throws Overload where the caller has hung up */
export async function replyWith(
  given: Export,
  { format, isNamed, fileName, headers, isGone }: ReplyOptions,
): Promise<Reply> {
  // At worst a temporary file stays for the system to clean up.
  const close = () => void given.close().catch(() => {});
  const digest = await reprDigest(given, format, isGone).catch((error) => {
    close();
    throw error;
  });
  const stream = Readable.from(render(given, format), {
    objectMode: false,
    highWaterMark: PIECE_BYTES,
  });
  stream.once('close', close);
  return {
    status: 200,
    headers: {
      'content-type': format === 'application/x-ndjson' ? format : `${format}; charset=utf-8`,
      vary: 'Accept',
      'postrider-row-count': String(given.rowCount),
      'repr-digest': digest,
      ...headers,
      ...((isNamed || format === 'text/csv') && {
        'content-disposition': `attachment; filename="${fileName}.${EXTENSIONS[format]}"`,
      }),
    },
    stream,
  };
}
