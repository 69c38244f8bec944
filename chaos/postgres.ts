import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { clusterDir } from '../src/platform/embedded-postgres/cluster.ts';
import { readPidFile } from '../src/platform/embedded-postgres/orphan.ts';
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from '../src/platform/embedded-postgres/start.ts';
import { friendly } from '../test/support/hostile-settings.ts';
import { temporaryFolder } from '../test/support/process.ts';

/** A PostgreSQL of the run's own, to be broken. It waits for its disk, as the product's does. */
export interface Postgres {
  /** Of that database, always on the same port. */
  url(database: string): string;
  /** The folder that its processes work in. */
  readonly clusterDir: string;
  /**
   * Ends it and brings it back after `downMs`: `fast` rolls back what is open and says good-bye,
   * `immediate` is a crash, with recovery at the next start.
   */
  restart(mode: 'fast' | 'immediate', downMs: number): Promise<void>;
  /** Whether it has ended by itself. */
  hasEnded(): boolean;
  /** Brings it back where it has ended by itself, as a service manager does. */
  bringBack(): Promise<void>;
  /** Statements of its administrator, each in a transaction of its own. */
  administer(...statements: string[]): Promise<void>;
  stop(): Promise<void>;
}

/** @param dataDir the caller's to remove; when absent: a folder that is removed by `stop` */
export async function startPostgres(dataDir?: string): Promise<Postgres> {
  const folder =
    dataDir === undefined ? await temporaryFolder() : { path: dataDir, remove: async () => {} };
  const dir = clusterDir(folder.path);
  let hasEnded = false;

  async function start(choosePort?: () => Promise<number>): Promise<EmbeddedPostgres> {
    const started = await startEmbeddedPostgres(folder.path, {
      // Only this run brings it back, and not before its time.
      whenItEnds: 'stay-down',
      ...(choosePort !== undefined && { choosePort }),
    });
    hasEnded = false;
    void started.exited.then(() => {
      hasEnded = true;
    });
    return started;
  }

  let server = await start();
  const port = Number(new URL(server.adminUrl).port);
  const startAgain = async () => {
    server = await start(async () => port);
  };
  // A run that is broken off leaves no server behind.
  const quit = () => {
    const pid = Number(readPidFile(dir)[0]);
    if (pid > 0) process.kill(pid, 'SIGQUIT');
  };
  process.once('exit', quit);

  async function crash(): Promise<void> {
    quit();
    await server.exited;
  }

  function url(database: string): string {
    const own = new URL(server.adminUrl);
    own.pathname = `/${database}`;
    return own.href;
  }

  return {
    url,
    clusterDir: dir,
    async restart(mode, downMs) {
      await (mode === 'fast' ? server.stop() : crash());
      await pause(downMs);
      await startAgain();
    },
    hasEnded: () => hasEnded,
    async bringBack() {
      if (hasEnded) await startAgain();
    },
    async administer(...statements) {
      const client = new pg.Client({ connectionString: friendly(url('postgres')) });
      client.on('error', () => {});
      try {
        await client.connect();
        for (const statement of statements) await client.query(statement);
      } finally {
        await client.end();
      }
    },
    async stop() {
      process.off('exit', quit);
      await server.stop();
      await folder.remove();
    },
  };
}
