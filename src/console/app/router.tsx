import { createBrowserRouter } from 'react-router';
import type { Session } from '../api/session.ts';
import { Crashed } from './crashed.tsx';
import { Layout } from './layout.tsx';
import { Nowhere } from './nowhere.tsx';
import { screensFor } from './screens.ts';

export function createRouter(role: Session['role']) {
  return createBrowserRouter(
    [
      {
        Component: Layout,
        // Nothing to show: the first screen comes within a moment, and the layout is not needed before.
        HydrateFallback: () => null,
        ErrorBoundary: Crashed,
        children: [
          ...screensFor(role).map(({ path, load }) => ({
            path,
            lazy: load,
            ErrorBoundary: Crashed,
          })),
          { path: '*', Component: Nowhere },
        ],
      },
    ],
    { basename: '/console' },
  );
}
