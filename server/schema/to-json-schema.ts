import { z } from 'zod';

/** Returns the JSON Schema 2020-12 of a schema's input, for OpenAPI 3.1; without `$schema`, since it is embedded in a document. */
export function toJsonSchema(schema: z.ZodType): Record<string, unknown> {
  const json: Record<string, unknown> = z.toJSONSchema(schema, { io: 'input', target: 'draft-2020-12' });
  return Object.fromEntries(Object.entries(json).filter(([key]) => key !== '$schema' && key !== '~standard'));
}
