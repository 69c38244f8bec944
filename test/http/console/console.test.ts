import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type Running, serve } from '../harness.ts';

let folder: string;
let server: Running | undefined;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'postrider-console-'));
  mkdirSync(join(folder, 'built', 'assets'), { recursive: true });
  writeFileSync(join(folder, 'secret.js'), 'secret');
  writeFileSync(join(folder, 'built', '.built'), 'mark');
  for (const page of ['index.html', 'docs.html']) {
    writeFileSync(join(folder, 'built', page), `${page}<meta nonce="__CSP_NONCE__">`);
  }
  writeFileSync(join(folder, 'built', 'assets', 'main-1a2b.js'), 'main()');
});
afterEach(() => server?.close());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const serveBuilt = async () => {
  server = await serve({ consoleFolder: join(folder, 'built') });
  return server;
};

/** As it stands: `fetch` would tidy the path up. */
function raw(port: number, path: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    request({ port, path, host: '127.0.0.1', agent: false }, async (answer) =>
      resolve({ status: answer.statusCode ?? 0, body: await text(answer) }),
    )
      .on('error', reject)
      .end();
  });
}

test('every path below /console is the page, and /docs another, under a policy whose nonce is new each time', async () => {
  const { call } = await serveBuilt();
  const seen = new Set<string>();
  for (const path of ['/console', '/console/docs.html', '/console/notifications/1?q=x', '/docs']) {
    const { status, headers, text: html } = await call(path, { key: null });
    expect(status).toBe(200);
    expect(html).toMatch(path === '/docs' ? /^docs\.html/ : /^index\.html/);
    const nonce = /nonce="([^"]+)"/.exec(html)?.[1] ?? '';
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toContain(`style-src 'self' 'nonce-${nonce}'`);
    expect(policy).toContain("default-src 'none'; script-src 'self';");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
    expect(headers.get('cache-control')).toBe('no-store');
    seen.add(nonce);
  }
  expect(seen.size).toBe(4);
});

test('what has a hash in its name may be kept for ever; what is gone is not answered by the page', async () => {
  const { call } = await serveBuilt();
  const script = await call('/console/assets/main-1a2b.js', { key: null });
  expect(script.text).toBe('main()');
  expect(script.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
  expect(script.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
  const etag = script.headers.get('etag') ?? '';
  const again = await call('/console/assets/main-1a2b.js', {
    key: null,
    headers: { 'if-none-match': etag },
  });
  expect(again.status).toBe(304);
  expect((await call('/console/assets/main-old.js', { key: null })).status).toBe(404);
});

test('no path leads out of the folder, or to what is not meant to be served', async () => {
  const { port } = await serveBuilt();
  const paths = [
    '/console/../secret.js',
    '/console/%2e%2e/secret.js',
    '/console/..%2fsecret.js',
    '/console/assets/../../secret.js',
    '/console/assets/..%5c..%5csecret.js',
    '/console//secret.js',
    '/console/.built',
    '/console/index.html%00.js',
  ];
  for (const path of paths) {
    const { body } = await raw(port, path);
    expect(body, path).not.toMatch(/secret$|^mark$/);
  }
});

test('without a build the API works, and the page says what to do', async () => {
  server = await serve({ consoleFolder: join(folder, 'nowhere') });
  for (const path of ['/console', '/docs']) {
    const page = await server.call(path, { key: null });
    expect([page.status, page.text]).toEqual([503, expect.stringContaining('npm run build')]);
  }
  expect((await server.call('/healthz', { key: null })).status).toBe(200);
});
