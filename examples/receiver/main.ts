import { catchUp } from './catch-up.ts';
import { gatewayClient } from './gateway.ts';
import { openLedger } from './ledger.ts';
import { reconcile } from './reconcile.ts';
import { receiverServer } from './server.ts';

/**
 * A receiver as the gateway wishes it: verifies signatures, takes each webhook once, ignores lower
 * versions, catches up when it starts, and compares yesterday's list.
 *
 * GATEWAY_URL=http://127.0.0.1:3000 MERCHANT_KEY=pr_merchant_… ENDPOINT_SECRET=whsec_… npm run example:receiver
 */
const { GATEWAY_URL = 'http://127.0.0.1:3000', MERCHANT_KEY, ENDPOINT_SECRET } = process.env;
const port = Number(process.env.RECEIVER_PORT ?? 4000);
const DAY_MS = 86_400_000;

if (!MERCHANT_KEY || !ENDPOINT_SECRET) {
  console.error(
    'Set MERCHANT_KEY (a merchant key) and ENDPOINT_SECRET (whsec_…, shown at registration).',
  );
  process.exit(1);
}
const log = (line: string) => console.log(`${new Date().toISOString()}  ${line}`);
const ledger = await openLedger(process.env.LEDGER_FILE ?? './receiver-ledger.json');
const gateway = gatewayClient(GATEWAY_URL, MERCHANT_KEY);

// First the door, then the backlog: what comes meanwhile is taken too, and a repeat changes nothing.
const server = receiverServer(ENDPOINT_SECRET, ledger, log);
server.listen(port, '127.0.0.1', () => log(`listening on http://127.0.0.1:${port}/`));
log(`caught up with ${await catchUp(gateway, ledger)} missed notifications`);

const yesterday = new Date(Date.now() - DAY_MS).toISOString().slice(0, 10);
const { matched, differences } = await reconcile(gateway, ledger, yesterday);
log(`reconciled ${yesterday}: ${matched} match, differences ${JSON.stringify(differences)}`);

process.on('SIGINT', () => server.close(() => process.exit(0)));
process.on('SIGTERM', () => server.close(() => process.exit(0)));
