import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv6 } from 'node:net';
import ipaddr from 'ipaddr.js';

/** What a name answers: addresses of both families, perhaps late or behind an alias; an error; or nothing. */
type DnsAnswer =
  | readonly string[]
  | { addresses: readonly string[]; cname?: string; delayMs?: number }
  | { rcode: number }
  | 'silence';

export interface DnsServer {
  /** `ip:port`, as a resolver takes it. */
  readonly address: string;
  /** Every question that came, e.g. `A hook.test`. */
  readonly questions: readonly string[];
  /** Answers for a name, one after the other, the last one repeating; A and AAAA count apart. Others don't exist. */
  answer(name: string, ...answers: DnsAnswer[]): void;
  close(): Promise<void>;
}

export const SERVFAIL = { rcode: 2 };
export const NXDOMAIN = { rcode: 3 };

const TYPES = new Map([
  [1, 'A'],
  [28, 'AAAA'],
]);
const CNAME = 5;
const IN = 1;

/**
 * A real DNS server on loopback, over UDP, that says whatever the test wants.
 *
 * @param port any free one, or 53, which alone a system's own settings can name
 */
export async function startDnsServer(address = '127.0.0.1', port = 0): Promise<DnsServer> {
  const answers = new Map<string, readonly DnsAnswer[]>();
  const questions: string[] = [];
  const late = new Set<NodeJS.Timeout>();
  const socket = createSocket('udp4');

  socket.on('message', (query, from) => {
    const { name, type, end } = readQuestion(query);
    const question = `${TYPES.get(type) ?? type} ${name}`;
    const asked = questions.filter((earlier) => earlier === question).length;
    questions.push(question);
    const known = answers.get(name) ?? [NXDOMAIN];
    const answer = known[Math.min(asked, known.length - 1)];
    if (answer === undefined || answer === 'silence') return;
    const reply = writeReply(query.subarray(0, end), type, answer);
    const send = () => socket.send(reply, from.port, from.address);
    if (!('delayMs' in answer)) return send();
    const timer = setTimeout(() => {
      late.delete(timer);
      send();
    }, answer.delayMs);
    late.add(timer);
  });
  socket.bind(port, address);
  await once(socket, 'listening');

  return {
    address: `${address}:${socket.address().port}`,
    questions,
    answer(name, ...list) {
      answers.set(name, list);
    },
    async close() {
      for (const timer of late) clearTimeout(timer);
      socket.close();
      await once(socket, 'close');
    },
  };
}

function readQuestion(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

function writeReply(question: Buffer, type: number, answer: Exclude<DnsAnswer, 'silence'>): Buffer {
  const { rcode = 0, cname, addresses = [] } = fieldsOf(answer);
  const asked = Buffer.from([0xc0, 12]);
  const records: Buffer[] = [];
  if (cname !== undefined) records.push(record(asked, CNAME, nameBytes(cname)));
  const owner = cname === undefined ? asked : nameBytes(cname);
  for (const address of addresses) {
    if (TYPES.get(type) === (isIPv6(address) ? 'AAAA' : 'A')) {
      records.push(record(owner, type, Buffer.from(ipaddr.parse(address).toByteArray())));
    }
  }
  const header = Buffer.from(question.subarray(0, 12));
  header.writeUInt16BE(0x8180 | rcode, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(records.length, 6);
  header.writeUInt32BE(0, 8);
  return Buffer.concat([header, question.subarray(12), ...records]);
}

function fieldsOf(answer: Exclude<DnsAnswer, 'silence'>): {
  rcode?: number;
  cname?: string;
  addresses?: readonly string[];
} {
  return 'length' in answer ? { addresses: answer } : answer;
}

function record(owner: Buffer, type: number, data: Buffer): Buffer {
  const fields = Buffer.alloc(10);
  fields.writeUInt16BE(type, 0);
  fields.writeUInt16BE(IN, 2);
  // TTL 0: whatever is remembered, it is not DNS' doing.
  fields.writeUInt16BE(data.length, 8);
  return Buffer.concat([owner, fields, data]);
}

function nameBytes(name: string): Buffer {
  const labels = name.split('.').map((label) => Buffer.from(`\0${label}`, 'latin1'));
  for (const label of labels) label.writeUInt8(label.length - 1, 0);
  return Buffer.concat([...labels, Buffer.alloc(1)]);
}
