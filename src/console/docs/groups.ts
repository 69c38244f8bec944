/** What the navigation needs of `/openapi.json`. */
export interface Document {
  tags: { name: string }[];
  paths: Record<string, Record<string, { tags: string[]; summary: string; operationId: string }>>;
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

/** The operations that fit, by tag; none of a document that has not come yet. */
export function groupsOf({ tags = [], paths = {} }: Partial<Document>, phrase: string): Group[] {
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
  return tags
    .map(({ name }) => ({ name, operations: fitting.filter(({ tag }) => tag === name) }))
    .filter((group) => group.operations.length > 0);
}

/** Every word of the phrase stands somewhere. */
export function matches(phrase: string, texts: readonly string[]): boolean {
  const text = texts.join(' ').toLowerCase();
  return phrase
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
