import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createServer } from 'vite';

// The gateway, started again whenever one of its files changes, and the console with hot reload. Vite
// serves the pages and hands the calls of the API on to the gateway, so the browser sees one origin.
//   PORT          the gateway's, 3000
//   CONSOLE_PORT  the page's, 5173
const gateway = `http://127.0.0.1:${process.env.PORT ?? 3000}`;
const port = Number(process.env.CONSOLE_PORT ?? 5173);

const tsx = createRequire(import.meta.url).resolve('tsx/cli');
const watched = spawn(process.execPath, [tsx, 'watch', 'src/main.ts'], { stdio: 'inherit' });

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => watched.kill(signal));
let page;
watched.once('exit', async (code) => {
  await page?.close();
  process.exit(code ?? 0);
});

page = await createServer({
  configFile: join('src', 'console', 'vite.config.ts'),
  server: {
    host: '127.0.0.1',
    port,
    strictPort: true,
    // The Host header stays, because the gateway compares it with the page's origin.
    proxy: Object.fromEntries(
      ['/v1', '/console/session', '/openapi.json', '/healthz', '/readyz'].map((path) => [
        path,
        { target: gateway, changeOrigin: false },
      ]),
    ),
  },
});
await page.listen().catch((error) => {
  watched.kill();
  throw error;
});
console.log(`\n  The console, with hot reload: http://127.0.0.1:${port}/console/\n`);
