import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

/** Where `npm run build` puts the console, seen from `src/http` and from `dist/http` alike. */
export const CONSOLE_FOLDER = fileURLToPath(new URL('../../dist/console', import.meta.url));

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

export interface ConsoleFile {
  type: string;
  bytes: Buffer;
  gzipped: Buffer;
  etag: string;
  /** Its name holds a hash of what is in it. */
  isImmutable: boolean;
}

export interface ConsoleFiles {
  /** The page, with `NONCE_MARK` wherever the nonce belongs. */
  page: string;
  /** By the path below `/console/`. */
  files: ReadonlyMap<string, ConsoleFile>;
}

/** Put there by the build, see the console's `vite.config.ts`. */
export const NONCE_MARK = '__CSP_NONCE__';

/**
 * Reads the whole console, some two megabytes, and keeps it: a request can only name what is in the
 * map, so there is no path to climb out of. Files without a type of ours (the build's own mark) are
 * not served.
 *
 * @returns null where it was not built
 */
export function readConsole(folder: string): ConsoleFiles | null {
  const names = namesIn(folder);
  if (!names.includes('index.html')) return null;
  const files = names
    .filter((name) => extname(name) in TYPES && name !== 'index.html')
    .map((name) => [name.replaceAll('\\', '/'), readFile(join(folder, name), name)] as const);
  return {
    page: readFileSync(join(folder, 'index.html'), 'utf8'),
    files: new Map(files),
  };
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, encoding: 'utf8' });
  } catch {
    return [];
  }
}

function readFile(path: string, name: string): ConsoleFile {
  const bytes = readFileSync(path);
  return {
    type: TYPES[extname(name)] ?? 'application/octet-stream',
    bytes,
    gzipped: gzipSync(bytes),
    etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`,
    isImmutable: /^assets[/\\]/.test(name),
  };
}
