import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

/** Where `npm run build` puts the console, seen from `src/http` and from `dist/http` alike. */
export const CONSOLE_FOLDER = fileURLToPath(new URL('../../../dist/console', import.meta.url));

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
  /** Made when first asked for: few visitors look at every part. */
  gzipped(): Buffer;
  etag: string;
  /** Its name holds a hash of what is in it. */
  isImmutable: boolean;
}

export interface ConsoleFiles {
  /** `index.html` and `docs.html`, with `NONCE_MARK` wherever the nonce belongs. */
  pages: ReadonlyMap<string, string>;
  /** By the path below `/console/`. */
  files: ReadonlyMap<string, ConsoleFile>;
}

/** Put there by the build, see the console's `vite.config.ts`. */
export const NONCE_MARK = '__CSP_NONCE__';

/**
 * Reads the console and the reference, some three megabytes, and keeps them: a request can only name what is in the
 * map, so there is no path to climb out of. Files without a type of ours (the build's own mark) are
 * not served.
 *
 * @returns null where it was not built
 */
export function readConsole(folder: string): ConsoleFiles | null {
  const names = namesIn(folder).filter((name) => extname(name) in TYPES);
  const isPage = (name: string) => extname(name) === '.html';
  const pages = names
    .filter(isPage)
    .map((name) => [name, readFileSync(join(folder, name), 'utf8')] as const);
  if (pages.length === 0) return null;
  const files = names
    .filter((name) => !isPage(name))
    .map((name) => [name.replaceAll('\\', '/'), readFile(join(folder, name), name)] as const);
  return { pages: new Map(pages), files: new Map(files) };
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
  let gzipped: Buffer | undefined;
  return {
    type: TYPES[extname(name)] ?? 'application/octet-stream',
    bytes,
    gzipped() {
      gzipped ??= gzipSync(bytes);
      return gzipped;
    },
    etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`,
    isImmutable: /^assets[/\\]/.test(name),
  };
}
