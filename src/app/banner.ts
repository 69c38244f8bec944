import { type Config, weakEncryptionKey } from '../config.ts';
import type { Bootstrapped } from './bootstrap.ts';

/**
 * What is printed once the gateway is ready: where it is, what it runs on, and what to do next.
 *
 * @param isTerminal whether somebody reads it there. What goes into a pipe or a file is kept by logs, which
 *   many may read: there a key is named by its file alone
 */
export function banner(
  config: Config,
  foundation: Bootstrapped,
  url: string | null,
  readyAfterMs: number,
  isTerminal: boolean,
): string {
  const shownKey = isTerminal ? foundation.newOperatorKey : null;
  const weak = weakEncryptionKey(config.ENCRYPTION_KEY);
  const lines = [
    '',
    `  Postrider is ready  (${(readyAfterMs / 1000).toFixed(1)} s)`,
    '',
    `  API        ${url ?? 'none: this process only delivers (ROLES)'}`,
    `  Roles      ${config.ROLES.join(', ')}`,
    `  Database   ${config.DATABASE_URL === undefined ? `embedded PostgreSQL in ${config.DATA_DIR}` : 'the one in DATABASE_URL'}`,
    `  Timers     ${config.REDIS_URL === undefined ? 'BullMQ on PostgreSQL' : 'BullMQ on Redis'}`,
    ...operatorLines(foundation, shownKey),
    ...(config.ALLOW_PRIVATE_TARGETS ? WARNING : []),
    ...(weak === null ? [] : weakLines(weak)),
    ...(url === null ? [] : nextStep(url, foundation, shownKey)),
    '',
  ];
  return lines.join('\n');
}

const WARNING = [
  '',
  '  !! ALLOW_PRIVATE_TARGETS=true: this gateway calls loopback, private addresses and plain http.',
  '  !! Whoever may register an endpoint can reach your inner network. Never run it so in production.',
];

function weakLines(weakness: string): string[] {
  return [
    '',
    `  !! ENCRYPTION_KEY: ${weakness}.`,
    '  !! It opens every secret in the database. Taken only as this process listens on loopback.',
  ];
}

function operatorLines(
  { newOperatorKey, operatorKeyFile }: Bootstrapped,
  shownKey: string | null,
): string[] {
  if (shownKey !== null) {
    return [`  Operator   ${shownKey}`, `             (made now, kept in ${operatorKeyFile})`];
  }
  const made =
    newOperatorKey === null ? [] : ['             (made now; only this user may read the file)'];
  return [`  Operator   the key in ${operatorKeyFile ?? 'OPERATOR_KEY'}`, ...made];
}

function nextStep(
  url: string,
  { operatorKeyFile }: Bootstrapped,
  shownKey: string | null,
): string[] {
  const key =
    shownKey ?? (operatorKeyFile === null ? '$OPERATOR_KEY' : `$(cat ${operatorKeyFile})`);
  return [
    '',
    '  Next, in another terminal:',
    '',
    `  curl -sX POST ${url}/v1/merchants -H "Authorization: Bearer ${key}" \\`,
    `    -H 'Content-Type: application/json' -d '{"id":"m_1001","name":"First merchant"}'`,
    '',
    `  Everything the API can do: ${url}/docs`,
  ];
}
