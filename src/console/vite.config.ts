import { join } from 'node:path';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const root = import.meta.dirname;

/** The console and the API's reference, two pages served by src/http/console/routes.ts. */
export default defineConfig(({ command }) => ({
  root,
  base: '/console/',
  plugins: [react()],
  // Replaced in every answer by a nonce of its own; `npm run dev` has no policy to satisfy.
  ...(command === 'build' && { html: { cspNonce: '__CSP_NONCE__' } }),
  build: {
    outDir: '../../dist/console',
    rolldownOptions: { input: ['index.html', 'docs.html'].map((page) => join(root, page)) },
    emptyOutDir: true,
    // Everything is a file with a name: the policy allows no data: but for pictures.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 2000,
  },
}));
