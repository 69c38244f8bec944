import type { Endpoint, EndpointFields } from '../../api/endpoints.ts';

/** An endpoint as it is being written. */
export interface Written {
  url: string;
  types: string[];
  queue: string;
  description: string;
  /** A line each: `Name: value`. */
  headers: string;
  body: Endpoint['body'];
  maxInFlight: number | string;
  ratePerSecond: number | string;
}

export const NEW: Written = {
  url: '',
  types: ['*'],
  queue: '',
  description: '',
  headers: '',
  body: 'envelope',
  maxInFlight: '',
  ratePerSecond: '',
};

export function writtenOf(endpoint: Endpoint): Written {
  return {
    url: endpoint.url,
    types: endpoint.types,
    queue: endpoint.queue ?? '',
    description: endpoint.description ?? '',
    headers: Object.entries(endpoint.headers)
      .map(([name, value]) => `${name}: ${value}`)
      .join('\n'),
    body: endpoint.body,
    maxInFlight: endpoint.maxInFlight ?? '',
    ratePerSecond: endpoint.ratePerSecond ?? '',
  };
}

/** What the gateway is to be told. */
export function fieldsOf(written: Written): EndpointFields {
  return {
    url: written.url.trim(),
    types: written.types.length === 0 ? ['*'] : written.types,
    queue: written.queue.trim() || null,
    description: written.description.trim() || null,
    headers: headersOf(written.headers),
    body: written.body,
    maxInFlight: typeof written.maxInFlight === 'number' ? written.maxInFlight : null,
    ratePerSecond: typeof written.ratePerSecond === 'number' ? written.ratePerSecond : null,
  };
}

function headersOf(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      // A line without one is a name without a value: the gateway says what is wrong with it.
      return colon === -1
        ? [line.trim(), '']
        : [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
    }),
  );
}

/** The fields that are not as they were. One that asks for operational events has no types, nor may it get some. */
export function patchOf(before: Endpoint, after: EndpointFields): Partial<EndpointFields> {
  const names = Object.keys(after) as (keyof EndpointFields)[];
  const changed = names
    .filter((name) => name !== 'types' || before.events.length === 0)
    .filter((name) => JSON.stringify(after[name]) !== JSON.stringify(before[name]));
  return Object.fromEntries(changed.map((name) => [name, after[name]]));
}
