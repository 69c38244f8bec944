import { randomBytes } from 'node:crypto';
import type { Express, Request, RequestHandler, Response } from 'express';
import { Problem } from '../../api/problem.ts';
import { send } from '../answer.ts';
import { named } from '../context.ts';
import {
  CONSOLE_FOLDER,
  type ConsoleFile,
  type ConsoleFiles,
  NONCE_MARK,
  readConsole,
} from './files.ts';

const NONCE_BYTES = 16;
const YEAR_SECONDS = 365 * 24 * 3600;

const NOT_BUILT =
  'This page has not been built. Run `npm run build` and start again; the API works without it.\n';

/** Nothing from elsewhere, nothing inline but the styles that carry this answer's nonce. */
function policy(nonce: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "manifest-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/**
 * Serves the console: its files by name, and its page for every other path below `/console`, where
 * the page's own router takes over. The API's reference at `/docs` is a page of the same build.
 */
export function mountConsole(app: Express, limit: RequestHandler, folder = CONSOLE_FOLDER): void {
  // Read with the first request: a gateway whose console nobody opens does not hold it.
  let read: ConsoleFiles | null | undefined;
  const built = () => {
    read ??= readConsole(folder);
    return read;
  };
  const sendPage = (res: Response, name: string) => {
    const page = built()?.pages.get(name);
    if (page === undefined) {
      const headers = { 'content-type': 'text/plain; charset=utf-8' };
      send(res, { status: 503, headers, body: NOT_BUILT });
      return;
    }
    const nonce = randomBytes(NONCE_BYTES).toString('base64');
    send(res, {
      status: 200,
      headers: {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': policy(nonce),
      },
      body: page.replaceAll(NONCE_MARK, nonce),
    });
  };
  app.get('/docs', named('/docs'), limit, (_req, res) => sendPage(res, 'docs.html'));
  app.get(['/console', '/console/*path'], named('/console'), limit, (req, res) => {
    const name = req.path.slice('/console/'.length);
    const file = built()?.files.get(name);
    if (file !== undefined) {
      sendFile(req, res, file);
      return;
    }
    // A page that is older than the build asks for parts that are gone; the page is no answer to it.
    if (name.startsWith('assets/')) throw new Problem(404, 'not_found', 'There is nothing here.');
    sendPage(res, 'index.html');
  });
}

function sendFile(req: Request, res: Response, file: ConsoleFile): void {
  res.setHeader('content-type', file.type);
  res.setHeader('etag', file.etag);
  res.setHeader('vary', 'accept-encoding');
  res.setHeader(
    'cache-control',
    file.isImmutable ? `public, max-age=${YEAR_SECONDS}, immutable` : 'no-cache',
  );
  if (req.headers['if-none-match'] === file.etag) {
    res.status(304).end();
    return;
  }
  const isGzip = /\bgzip\b/.test(req.headers['accept-encoding'] ?? '');
  if (isGzip) res.setHeader('content-encoding', 'gzip');
  const bytes = isGzip ? file.gzipped() : file.bytes;
  res.setHeader('content-length', bytes.length);
  res.end(bytes);
}
