import type { AttemptView, Notification } from '../protocols/notification/contract.ts';
import type { Arrival } from './receiver.ts';
import type { Screen } from './screen.ts';
import type { Stage } from './stage.ts';

const SECOND = 1000;
/** An answer is said aloud in part: these of its fields, in these lines. */
const NOTIFICATION_FIELDS = [['id'], ['type', 'businessKey'], ['status'], ['result']] as const;
const DELIVERY_FIELDS = [
  ['status', 'reason', 'cycle', 'attemptCount'],
  ['nextAttemptAt', 'deadlineAt'],
] as const;

export function showTitle(screen: Screen): void {
  const title = screen.paint('bold', 'Postrider');
  screen.line();
  screen.line(`  ${title}  one payment, for a merchant whose server is down at first`);
  screen.line();
}

export function showStage(
  screen: Screen,
  { url, receiver, readyAfterMs }: Stage,
  queue: { name: string; ladderSeconds: readonly number[] },
): void {
  const [, ...delays] = queue.ladderSeconds;
  const word = (text: string) => screen.paint('dim', text.padEnd(10));
  const seconds = (readyAfterMs / SECOND).toFixed(1);
  screen.line(`  ${word('gateway')}${url}, its own PostgreSQL inside, ready in ${seconds} s`);
  screen.line(`  ${word('receiver')}${receiver.url}, fails twice, then checks the signature`);
  const ladder = ['at once', ...delays.map((delay) => `after ${delay} s`)].join(', then ');
  screen.line(`  ${word('queue')}${queue.name}: ${ladder}`);
  screen.line();
}

export function showAccepted(screen: Screen, { id, type, businessKey }: Notification): void {
  screen.line(`  ${call(screen, 'POST', '/v1/notifications')}  ${type} ${businessKey}`);
  screen.line(`  ${screen.paint('green', '202 Accepted')}  ${id}`);
  screen.line();
}

export function showArrival(screen: Screen, arrival: Arrival, sinceStartMs: number): void {
  const isGood = arrival.status < 300;
  const status = `${isGood ? '✓' : '✗'} ${arrival.status}`;
  screen.line(
    `  ${`${(sinceStartMs / SECOND).toFixed(2)} s`.padStart(7)}  attempt ${arrival.attempt}  ` +
      `${screen.paint(isGood ? 'green' : 'red', status)}  ${arrival.answer}`,
  );
}

export function showNotification(screen: Screen, notification: Notification): void {
  screen.line();
  screen.line(`  ${call(screen, 'GET', `/v1/notifications/${notification.id}`)}`);
  screen.line('  {');
  for (const row of fieldRows(notification, NOTIFICATION_FIELDS)) screen.line(`    ${row},`);
  screen.line('    "deliveries": [{');
  for (const delivery of notification.deliveries) {
    screen.line(`      ${fieldRows(delivery, DELIVERY_FIELDS).join(',\n      ')}, …`);
  }
  screen.line('    }], …');
  screen.line('  }');
}

export function showAttempts(screen: Screen, path: string, attempts: AttemptView[]): void {
  const row = (...cells: string[]) =>
    `  ${cells.map((cell, index) => cell.padEnd(COLUMN_WIDTHS[index] ?? 0)).join('')}`.trimEnd();
  screen.line();
  screen.line(`  ${call(screen, 'GET', path)}`);
  screen.line(screen.paint('dim', row('number', 'startedAt', 'durationMs', 'outcome', 'answer')));
  for (const { number, startedAt, durationMs, outcome, statusCode, responseExcerpt } of attempts) {
    const answer = `${statusCode} ${responseExcerpt}`;
    screen.line(row(String(number), startedAt, String(durationMs), outcome, answer));
  }
}

const COLUMN_WIDTHS = [8, 26, 12, 13];

export function showEnd(screen: Screen): void {
  screen.line();
  screen.line(`  Now the real thing: ${screen.paint('bold', 'npm start')}`);
  screen.line();
}

function call(screen: Screen, method: string, path: string): string {
  return `${screen.paint('cyan', method)} ${screen.paint('bold', path)}`;
}

/** `"status": "delivered", "result": {…}`: fields that belong together share a line. */
function fieldRows<T>(from: T, rows: readonly (readonly (keyof T & string)[])[]): string[] {
  return rows.map((names) =>
    names.map((name) => `"${name}": ${JSON.stringify(from[name])}`).join(', '),
  );
}
