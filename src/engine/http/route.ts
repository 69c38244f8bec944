import { openConnections } from './connections.ts';
import { createGuard, type GuardOptions } from './destination.ts';
import { direct, tunnelled } from './tunnel.ts';

/** The connections to addresses of one kind, and the rules for them. A connection checked by one must not serve the other. */
export function openRoute(rules: GuardOptions & { proxy?: URL | null }) {
  const guard = createGuard(rules);
  const { proxy: url, alsoAllowed: inside = null } = rules;
  const connections = openConnections(
    url == null ? direct(guard) : tunnelled(guard, { url, inside }),
  );
  return {
    rules,
    connections,
    async close() {
      guard.close();
      await connections.close();
    },
  };
}
