import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';

const zip = promisify(gzip);
const unzip = promisify(gunzip);

/** Some lines of JSON as they are kept: gzipped NDJSON. */
export function pack(lines: readonly string[]): Promise<Buffer> {
  return zip(`${lines.join('\n')}\n`);
}

export async function unpack(chunk: Buffer): Promise<string[]> {
  return (await unzip(chunk)).toString().split('\n').slice(0, -1);
}
