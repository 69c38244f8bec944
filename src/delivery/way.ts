import { createGuard, type GuardOptions } from './destination.ts';
import { openLines } from './lines.ts';

/** The connections to addresses of one kind, and the rules for them. A line checked by one must not serve the other. */
export function openWay(rules: GuardOptions) {
  const guard = createGuard(rules);
  const lines = openLines(guard);
  return {
    rules,
    lines,
    async close() {
      guard.close();
      await lines.close();
    },
  };
}
