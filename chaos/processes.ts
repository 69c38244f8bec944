import { type GatewayProcess, spawnGateway } from '../test/support/process.ts';

const SECOND = 1000;
/** Several start at once here, beside everything else. */
const START_MS = 120 * SECOND;
export const OPERATOR_KEY = 'operator-key-of-the-chaos-run';

/** One gateway process. */
export interface Actor {
  readonly roles: string;
  readonly process: GatewayProcess;
  /** As its connections are called in the database. */
  readonly name: string;
}

export interface LaunchOptions {
  env?: Record<string, string>;
  /** The main file of another build. */
  main?: string;
  /** Where its output goes, instead of a pipe. */
  outputFile?: string;
}

/** The gateway processes of one run, on one database. */
export interface Processes {
  /** Those that are ready, in the order of their starts. */
  all(): Actor[];
  launch(roles: string, options?: LaunchOptions): Promise<Actor>;
  /** Its end is no crash from now on. */
  release(actor: Actor): void;
}

/**
 * @param redisUrl null: the timers are on PostgreSQL
 * @param onCrash told in words of each process that ends without having been released
 */
export function openProcesses(
  databaseUrl: string,
  redisUrl: string | null,
  onCrash: (what: string) => void,
): Processes {
  const running = new Set<Actor>();
  let launched = 0;

  return {
    all: () => [...running],
    async launch(roles, { env, ...options } = {}) {
      launched += 1;
      const name = `chaos-${launched}`;
      const url = new URL(databaseUrl);
      url.searchParams.set('application_name', name);
      const process = await spawnGateway({
        ...options,
        readyMs: START_MS,
        env: {
          DATABASE_URL: url.href,
          ...(redisUrl !== null && { REDIS_URL: redisUrl }),
          ENCRYPTION_KEY: Buffer.alloc(32, 7).toString('base64'),
          OPERATOR_KEY,
          ALLOW_PRIVATE_TARGETS: 'true',
          LOG_LEVEL: 'warn',
          ROLES: roles,
          ...env,
        },
      });
      const actor = { roles, process, name };
      running.add(actor);
      void process.exited.then(({ code, signal, stdout, stderr }) => {
        if (!running.delete(actor)) return;
        const last = `${stdout}\n${stderr}`.trim().split('\n').slice(-3).join(' ⏎ ');
        onCrash(`a process (${roles}) crashed (${signal ?? code}): ${last}`);
      });
      return actor;
    },
    release: (actor) => void running.delete(actor),
  };
}
