import { z } from 'zod';
import { EVENT_TYPE_NAMES, EVENT_TYPES } from './catalogue.ts';

export const eventTypesView = z.object({
  data: z.array(
    z.object({
      type: z.string(),
      audience: z
        .enum(['merchants', 'operators'])
        .describe(
          'merchants: each is told about its own, operators about all. operators: them alone.',
        ),
      description: z.string(),
      schema: z.record(z.string(), z.unknown()).describe("JSON Schema of the event's `data`."),
    }),
  ),
});

/** The catalogue as callers read it. */
export function eventTypes(): z.output<typeof eventTypesView> {
  return {
    data: EVENT_TYPE_NAMES.map((type) => {
      const { audience, description, data } = EVENT_TYPES[type];
      return { type, audience, description, schema: z.toJSONSchema(data) };
    }),
  };
}
