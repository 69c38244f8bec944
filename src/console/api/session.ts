import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
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

export const SESSION = ['session'] as const;
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
    onSettled() {
      // Nothing of what one saw may be left for the next.
      client.clear();
      client.setQueryData(SESSION, null);
    },
  });
}

function remember(session: Session): Session {
  setCsrfToken(session.csrfToken);
  return session;
}
