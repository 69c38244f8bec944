import type { Config } from './config.ts';
import type { LaidFoundation } from './foundation.ts';

/** What is printed once the gateway is ready: where it is, what it runs on, and what to do next. */
export function banner(
  config: Config,
  foundation: LaidFoundation,
  url: string | null,
  readyAfterMs: number,
): string {
  const lines = [
    '',
    `  Postrider is ready  (${(readyAfterMs / 1000).toFixed(1)} s)`,
    '',
    `  API        ${url ?? 'none: this process only delivers (ROLES)'}`,
    `  Roles      ${config.ROLES.join(', ')}`,
    `  Database   ${config.DATABASE_URL === undefined ? `embedded PostgreSQL in ${config.DATA_DIR}` : 'the one in DATABASE_URL'}`,
    `  Timers     ${config.REDIS_URL === undefined ? 'BullMQ on PostgreSQL' : 'BullMQ on Redis'}`,
    ...operatorLines(foundation),
    ...(config.ALLOW_PRIVATE_TARGETS ? WARNING : []),
    ...(url === null ? [] : nextStep(url, foundation)),
    '',
  ];
  return lines.join('\n');
}

const WARNING = [
  '',
  '  !! ALLOW_PRIVATE_TARGETS=true: this gateway calls loopback, private addresses and plain http.',
  '  !! Whoever may register an endpoint can reach your inner network. Never run it so in production.',
];

function operatorLines({ newOperatorKey, operatorKeyFile }: LaidFoundation): string[] {
  if (newOperatorKey !== null) {
    return [
      `  Operator   ${newOperatorKey}`,
      `             (made now, kept in ${operatorKeyFile})`,
    ];
  }
  return [`  Operator   the key in ${operatorKeyFile ?? 'OPERATOR_KEY'}`];
}

function nextStep(url: string, { newOperatorKey, operatorKeyFile }: LaidFoundation): string[] {
  const key =
    newOperatorKey ?? (operatorKeyFile === null ? '$OPERATOR_KEY' : `$(cat ${operatorKeyFile})`);
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
