import { Center, Loader, MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { useMemo } from 'react';
import { RouterProvider } from 'react-router';
import { ApiError, whenLoggedOut } from '../api/client.ts';
import { forgetSession, type Session, useSession } from '../api/session.ts';
import { Failure } from '../kit/failure.tsx';
import { Login } from './login.tsx';
import { styleNonce } from './nonce.ts';
import { createRouter } from './router.tsx';
import { theme } from './theme.ts';

const client = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 2000,
      // What the gateway has refused it refuses again; what did not reach it is worth another try.
      retry: (failures, error) =>
        failures < 2 && !(error instanceof ApiError && error.problem.status in REFUSED),
    },
  },
});
const REFUSED = { 400: 1, 401: 1, 403: 1, 404: 1, 409: 1, 422: 1 };

whenLoggedOut(() => forgetSession(client));

export function App() {
  return (
    <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={styleNonce}>
      <QueryClientProvider client={client}>
        <Notifications position="bottom-right" />
        <Gate />
      </QueryClientProvider>
    </MantineProvider>
  );
}

/** The address stays as it is while one logs in, so a link that was sent around leads to its screen. */
function Gate() {
  const session = useSession();
  if (session.error !== null) return <Failure error={session.error} retry={session.refetch} />;
  if (session.data === undefined) {
    return (
      <Center h="100dvh">
        <Loader aria-label="…" />
      </Center>
    );
  }
  return session.data === null ? <Login /> : <Inside session={session.data} />;
}

function Inside({ session }: { session: Session }) {
  const router = useMemo(() => createRouter(session.role), [session.role]);
  return <RouterProvider router={router} />;
}
