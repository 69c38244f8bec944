/** What the navigation needs of `/openapi.json`. */
export interface Document {
  tags: { name: string }[];
  paths: Record<string, Record<string, { tags: string[]; summary: string; operationId: string }>>;
  webhooks: Record<string, { post: { summary: string } }>;
}

export interface Operation {
  tag: string;
  id: string;
  method: string;
  path: string;
}

interface Group {
  name: string;
  operations: Operation[];
}

/** As the library calls the tag of all webhooks, in addresses and in ids. */
const WEBHOOKS = 'webhooks';

/** The operations that fit, by tag, and the calls that the gateway makes; none of a document that has not come yet. */
export function groupsOf(document: Partial<Document>, phrase: string): Group[] {
  const { tags = [], paths = {} } = document;
  const operations = Object.entries(paths).flatMap(([path, items]) =>
    Object.entries(items).map(
      ([
        method,
        {
          tags: [tag = ''],
          summary,
          operationId,
        },
      ]) => {
        return { tag, id: operationId, method, path, summary };
      },
    ),
  );
  const fitting = operations.filter(({ tag, method, path, summary }) =>
    matches(phrase, [tag, method, path, summary]),
  );
  const webhooks = webhooksOf(document, phrase).map((name) => {
    return { tag: WEBHOOKS, id: name, method: 'post', path: name };
  });
  return [
    ...tags.map(({ name }) => ({ name, operations: fitting.filter(({ tag }) => tag === name) })),
    { name: 'Webhooks', operations: webhooks },
  ].filter((group) => group.operations.length > 0);
}

/** The names of the webhooks that fit. */
export function webhooksOf({ webhooks = {} }: Partial<Document>, phrase: string): string[] {
  return Object.entries(webhooks)
    .filter(([name, { post }]) => matches(phrase, [WEBHOOKS, 'post', name, post.summary]))
    .map(([name]) => name);
}

/** Every word of the phrase stands somewhere. */
export function matches(phrase: string, texts: readonly string[]): boolean {
  const text = texts.join(' ').toLowerCase();
  return phrase
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
