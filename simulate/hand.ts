import { runWorld } from './world.ts';

// A process that lets one world pass at a time: worlds know nothing of each other.
process.on('message', async ({ seed, days }: { seed: number; days: number }) => {
  process.send?.(await runWorld(seed, days));
});
