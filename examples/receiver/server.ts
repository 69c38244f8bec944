import { createServer, type IncomingMessage, type Server } from 'node:http';
import { Webhook } from 'standardwebhooks';
import type { Ledger, Payment } from './ledger.ts';

interface Envelope {
  id: string;
  type: string;
  timestamp: string;
  businessKey: string;
  result: Omit<Payment, 'occurredAt'> | null;
}

const MOST_BYTES = 128 * 1024;

/** Takes webhooks: verified, then stored, and only then answered. */
export function receiverServer(
  secret: string,
  ledger: Ledger,
  log: (line: string) => void,
): Server {
  const webhook = new Webhook(secret);
  return createServer(async (request, response) => {
    try {
      const body = await read(request);
      const headers = request.headers as Record<string, string>;
      // Over the bytes as they came: parsed and printed again, they would not verify.
      const event = webhook.verify(body, headers) as Envelope;
      const fate = event.result
        ? await ledger.take(event.id, event.businessKey, {
            ...event.result,
            occurredAt: event.timestamp,
          })
        : 'taken';
      log(`${event.type} ${event.businessKey} ${event.result?.status ?? ''}: ${fate}`);
      // A repeat is answered like the first time: the gateway only wants to know that it is here.
      response.writeHead(204).end();
    } catch (error) {
      log(`refused: ${error instanceof Error ? error.message : error}`);
      response.writeHead(400).end();
    }
  });
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw new Error('too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}
