import { z } from 'zod';

type JsonSchema = Record<string, unknown>;
type JsonValue = NonNullable<z.core.JSONSchema.BaseSchema['examples']>[number];
type Side = 'input' | 'output';

export interface SchemaShelf {
  /** The JSON Schema of one side of a zod schema; what it names is put on the shelf and referred to. */
  of(schema: z.ZodType, side: Side): JsonSchema;
  /** `components.schemas` */
  components: Record<string, JsonSchema>;
}

const DEFINITION = '#/$defs/';

/** Turns zod schemas into those of an OpenAPI 3.1 document, which are JSON Schema 2020-12. */
export function createSchemaShelf(): SchemaShelf {
  const components: Record<string, JsonSchema> = {};
  /** Name on the shelf → the text it came with. */
  const originals = new Map<string, string>();
  const done = {
    input: new Map<z.ZodType, JsonSchema>(),
    output: new Map<z.ZodType, JsonSchema>(),
  };

  function of(schema: z.ZodType, side: Side): JsonSchema {
    const known = done[side].get(schema);
    if (known !== undefined) return known;
    const made = convert(schema, side);
    done[side].set(schema, made);
    return made;
  }

  function convert(schema: z.ZodType, side: Side): JsonSchema {
    // Wrapped, so that a schema which contains itself is named too: "#" would mean the document.
    const made = z.toJSONSchema(z.object({ schema }), {
      target: 'draft-2020-12',
      io: side,
      unrepresentable: 'any',
      // What comes in is shown also where a part of it is changed on the way; zod leaves that out.
      override({ zodSchema, jsonSchema }) {
        const { examples } = z.globalRegistry.get(zodSchema as unknown as z.ZodType) ?? {};
        if (examples !== undefined) jsonSchema.examples ??= examples as JsonValue[];
      },
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

  // The sides differ: a default makes a field optional for callers alone. So each has its own name.
  function nameFor(name: string, definition: JsonSchema, side: Side): string {
    const plain = name.startsWith('__') ? `Schema${originals.size + 1}` : name;
    const shelved = side === 'input' ? `${plain}Input` : plain;
    const text = JSON.stringify(definition);
    const held = originals.get(shelved) ?? text;
    if (held !== text) throw new Error(`Two schemas are named ${shelved}.`);
    originals.set(shelved, text);
    return shelved;
  }

  return { of, components };
}

/** A copy in which every reference into `$defs` points to the components. */
function referring<T>(node: T, names: ReadonlyMap<string, string>): T {
  return JSON.parse(JSON.stringify(node), (key, value) => {
    const name = key === '$ref' ? names.get(value) : undefined;
    return name === undefined ? value : `#/components/schemas/${name}`;
  });
}
