import type { DeliverySummary } from '../../api/notifications.ts';

/**
 * The call as a receiver gets it, to be tried by hand, without the signature: the secret is not ours
 * to show.
 */
export function curlOf(delivery: DeliverySummary, notificationId: string, body: string): string {
  return [
    `curl -X POST ${quoted(delivery.url ?? '')}`,
    `  -H 'content-type: application/json'`,
    `  -H ${quoted(`webhook-id: ${notificationId}`)}`,
    `  -H "webhook-timestamp: $(date +%s)"`,
    `  -H ${quoted(`postrider-delivery: ${delivery.id}`)}`,
    `  -H ${quoted(`postrider-cycle: ${delivery.cycle}`)}`,
    `  -H ${quoted(`postrider-attempt: ${delivery.attemptCount + 1}`)}`,
    `  --data-raw ${quoted(body)}`,
  ].join(' \\\n');
}

/** For a POSIX shell: nothing in it can end the quotes. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
