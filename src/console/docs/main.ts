import SwaggerUI from 'swagger-ui-dist/swagger-ui-es-bundle.js';
import 'swagger-ui-dist/swagger-ui.css';
import './docs.css';
import { reference } from './reference.ts';

const dark = matchMedia('(prefers-color-scheme: dark)');
const wear = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', wear);
wear();

const ui = SwaggerUI({
  url: '/openapi.json',
  dom_id: '#reference',
  layout: 'Reference',
  plugins: [reference],
  deepLinking: true,
  filter: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  // The key stays in memory: a reload forgets it.
  persistAuthorization: false,
  displayRequestDuration: true,
  // Of those there are, the one with enough contrast in both schemes.
  syntaxHighlight: { theme: 'tomorrow-night' },
  // Else the document would be shown to somebody else's validator.
  validatorUrl: null,
  // Only the key that was typed here counts, not a console that is open beside it.
  requestInterceptor: (request) => ({ ...request, credentials: 'omit' }),
  onComplete() {
    // The library looks at the address once; links of the page change it later.
    addEventListener('hashchange', () => {
      const { layoutActions } = ui.getSystem();
      layoutActions.parseDeepLinkHash(location.hash);
      // It scrolls to what appears, and this is there already.
      layoutActions.clearScrollTo();
      const [, ...names] = decodeURIComponent(location.hash).split('/');
      document.getElementById(['operations', ...names].join('-'))?.scrollIntoView();
    });
  },
});
