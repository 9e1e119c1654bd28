import { z } from 'zod';

/** Gives the JSON Schema 2020-12 of what a schema accepts, for OpenAPI 3.1; without `$schema`, as it stands inside a document. */
export function toJsonSchema(schema: z.ZodType): Record<string, unknown> {
  const json: Record<string, unknown> = z.toJSONSchema(schema, { io: 'input', target: 'draft-2020-12' });
  return Object.fromEntries(Object.entries(json).filter(([key]) => key !== '$schema' && key !== '~standard'));
}
