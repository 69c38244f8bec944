import type { Ajv2020 } from 'ajv/dist/2020.js';

interface Header {
  $ref?: string;
  required?: boolean;
  schema?: { type?: string };
}
export type HeadersByName = Record<string, Header>;

/** HTTP's own, which no document tells, and what tells browsers how little they may do with an answer. */
const UNTOLD = new Set([
  'connection',
  'content-length',
  'content-type',
  'date',
  'keep-alive',
  'transfer-encoding',
  'content-security-policy',
  'cross-origin-opener-policy',
  'cross-origin-resource-policy',
  'origin-agent-cluster',
  'referrer-policy',
  'strict-transport-security',
  'x-content-type-options',
  'x-dns-prefetch-control',
  'x-download-options',
  'x-frame-options',
  'x-permitted-cross-domain-policies',
  'x-xss-protection',
]);

/**
 * What is wrong with an answer's headers: those that the document does not tell at all, those that it
 * promises and that did not come, and values that are not as it says.
 *
 * @param declared of the answer's status
 * @param shared what references lead to
 */
export function headerFaults(
  headers: Headers,
  declared: HeadersByName,
  shared: HeadersByName,
  ajv: Ajv2020,
): string[] {
  const told = new Map(
    Object.entries(declared).map(([name, header]) => [
      name.toLowerCase(),
      header.$ref === undefined ? header : (shared[header.$ref.split('/').at(-1) ?? ''] ?? {}),
    ]),
  );
  const faults: string[] = [];
  for (const [name, value] of headers) {
    const header = told.get(name);
    if (UNTOLD.has(name)) continue;
    if (header === undefined) faults.push(`the header ${name} is not in the document`);
    else if (!conforms(value, header, ajv)) faults.push(`the header ${name} has another schema`);
  }
  for (const [name, { required }] of told) {
    if (required && !headers.has(name)) faults.push(`the header ${name} is missing`);
  }
  return faults;
}

function conforms(value: string, { schema = {} }: Header, ajv: Ajv2020): boolean {
  return ajv.validate(schema, schema.type === 'integer' ? Number(value) : value);
}
