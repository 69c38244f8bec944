import { setTimeout as pause } from 'node:timers/promises';
import { startEmbeddedPostgres } from '../src/db/embedded.ts';
import { clusterDir } from '../src/db/embedded-cluster.ts';
import { readPidFile } from '../src/db/embedded-orphan.ts';
import { temporaryFolder } from '../test/support/process.ts';

/** A PostgreSQL of the run's own, to be broken. It waits for its disk, as the product's does. */
export interface Postgres {
  /** Of that database, always on the same port. */
  url(database: string): string;
  /**
   * Ends it and brings it back after `downMs`: `fast` rolls back what is open and says good-bye,
   * `immediate` is a crash, with recovery at the next start.
   */
  restart(mode: 'fast' | 'immediate', downMs: number): Promise<void>;
  stop(): Promise<void>;
}

export async function startPostgres(): Promise<Postgres> {
  const folder = await temporaryFolder();
  // Only `restart` brings it back, and not before its time.
  const whenItEnds = 'stay-down';
  let server = await startEmbeddedPostgres(folder.path, { whenItEnds });
  const port = Number(new URL(server.url).port);

  const pid = () => Number(readPidFile(clusterDir(folder.path))[0]);
  // A run that is broken off leaves no server behind.
  const quit = () => {
    if (pid() > 0) process.kill(pid(), 'SIGQUIT');
  };
  process.once('exit', quit);

  async function crash(): Promise<void> {
    quit();
    await server.exited;
  }

  return {
    url(database) {
      const url = new URL(server.url);
      url.pathname = `/${database}`;
      return url.href;
    },
    async restart(mode, downMs) {
      await (mode === 'fast' ? server.stop() : crash());
      await pause(downMs);
      server = await startEmbeddedPostgres(folder.path, {
        whenItEnds,
        choosePort: async () => port,
      });
    },
    async stop() {
      process.off('exit', quit);
      await server.stop();
      await folder.remove();
    },
  };
}
