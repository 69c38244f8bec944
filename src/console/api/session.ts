import { type QueryClient, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { ApiError, call, get, setCsrfToken } from './client.ts';

export interface Session {
  role: 'operator' | 'merchant';
  /** Whose things it sees; null: everybody's. */
  merchantId: string | null;
  name: string;
  keyId: string;
  csrfToken: string;
  endsAt: string;
}

const SESSION = ['session'] as const;
const PATH = '/console/session';

/** Who is logged in; `null`: nobody. */
export function useSession() {
  return useQuery({
    queryKey: SESSION,
    staleTime: Number.POSITIVE_INFINITY,
    async queryFn({ signal }): Promise<Session | null> {
      try {
        return remember(await get<Session>(PATH, undefined, signal));
      } catch (error) {
        if (error instanceof ApiError && error.problem.status === 401) return null;
        throw error;
      }
    },
  });
}

export function useLogin() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (key: string) => call<Session>('POST', PATH, { body: { key } }),
    onSuccess: (session) => client.setQueryData(SESSION, remember(session)),
  });
}

export function useLogout() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => call<void>('DELETE', PATH),
    onSettled: () => forgetSession(client),
  });
}

/** Nobody is logged in any more, and nothing of what was seen is left for the next. */
export function forgetSession(client: QueryClient): void {
  client.setQueryData(SESSION, null);
  client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== SESSION[0] });
}

function remember(session: Session): Session {
  setCsrfToken(session.csrfToken);
  return session;
}
