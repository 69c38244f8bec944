import { z } from 'zod';

type JsonSchema = Record<string, unknown>;

export interface SchemaShelf {
  /** The JSON Schema of one side of a zod schema; what it names is put on the shelf and referred to. */
  of(schema: z.ZodType, side: 'input' | 'output'): JsonSchema;
  /** `components.schemas` */
  components: Record<string, JsonSchema>;
}

const DEFINITION = '#/$defs/';

/** Turns zod schemas into those of an OpenAPI 3.1 document, which are JSON Schema 2020-12. */
export function createSchemaShelf(): SchemaShelf {
  const components: Record<string, JsonSchema> = {};

  function of(schema: z.ZodType, side: 'input' | 'output'): JsonSchema {
    // Wrapped, so that a schema which contains itself is named too: "#" would mean the document.
    const made = z.toJSONSchema(z.object({ schema }), {
      target: 'draft-2020-12',
      io: side,
      unrepresentable: 'any',
    });
    const $defs = (made.$defs ?? {}) as Record<string, JsonSchema>;
    const names = new Map<string, string>();
    for (const [name, definition] of Object.entries($defs)) {
      names.set(`${DEFINITION}${name}`, nameFor(name, definition, side));
    }
    for (const [name, definition] of Object.entries($defs)) {
      const shelved = names.get(`${DEFINITION}${name}`);
      if (shelved !== undefined) components[shelved] = referring(definition, names);
    }
    return referring(made.properties?.schema as JsonSchema, names);
  }

  // The same name may differ by side: defaults make a field optional for callers alone.
  function nameFor(name: string, definition: JsonSchema, side: 'input' | 'output'): string {
    const plain = name.startsWith('__') ? `Schema${Object.keys(components).length + 1}` : name;
    for (const candidate of [plain, `${plain}${side === 'input' ? 'Input' : 'Output'}`]) {
      const held = originals.get(candidate);
      const text = JSON.stringify(definition);
      if (held === undefined || held === text) {
        originals.set(candidate, text);
        return candidate;
      }
    }
    throw new Error(`Two schemas are named ${name}.`);
  }

  const originals = new Map<string, string>();
  return { of, components };
}

/** A copy in which every reference into `$defs` points to the components. */
function referring<T>(node: T, names: ReadonlyMap<string, string>): T {
  return JSON.parse(JSON.stringify(node), (key, value) => {
    const name = key === '$ref' ? names.get(value) : undefined;
    return name === undefined ? value : `#/components/schemas/${name}`;
  });
}
