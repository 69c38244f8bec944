import { openLines } from './connections.ts';
import { createGuard, type GuardOptions } from './destination.ts';
import { direct, tunnelled } from './tunnel.ts';

/** The connections to addresses of one kind, and the rules for them. A line checked by one must not serve the other. */
export function openWay(rules: GuardOptions & { proxy?: URL | null }) {
  const guard = createGuard(rules);
  const { proxy: url, alsoAllowed: inside = null } = rules;
  const lines = openLines(url == null ? direct(guard) : tunnelled(guard, { url, inside }));
  return {
    rules,
    lines,
    async close() {
      guard.close();
      await lines.close();
    },
  };
}
