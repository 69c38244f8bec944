import '@mantine/core/styles.css';
import '@mantine/notifications/styles.css';
import './app/theme.css';
import { createRoot } from 'react-dom/client';
import { App } from './app/app.tsx';
import { styleNonce } from './app/nonce.ts';
import { startWords } from './i18n.ts';

// Asked for by the part that locks scrolling behind a dialog, which knows no other way.
Object.assign(globalThis, { __webpack_nonce__: styleNonce() });

await startWords();
const root = document.getElementById('root');
if (root !== null) createRoot(root).render(<App />);
