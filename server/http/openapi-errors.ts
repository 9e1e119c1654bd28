import type { ErrorRow } from '../errors/error-row.js';
import type { ErrorFamily } from '../errors/families.js';

/** One entry of an operation's `responses`. */
export interface OpenApiResponse {
  description: string;
  content?: Record<string, { schema: object }>;
}

/**
 * Returns the responses of errors by status, with their public messages and the content types of their bodies.
 * @param route method and path of the route that returns them
 */
export function describeErrors(
  rows: readonly ErrorRow[],
  family: ErrorFamily,
  route: string,
): Record<string, OpenApiResponse> {
  const responses: Record<string, OpenApiResponse> = {};
  for (const status of new Set(rows.map((row) => row.status))) {
    const described = [...new Set(rows)]
      .filter((row) => row.status === status)
      .map((row) => family.describe(row, route));
    const content: NonNullable<OpenApiResponse['content']> = {};
    for (const { type, schema } of described) {
      const other = content[type]?.schema;
      content[type] = { schema: other && other !== schema ? { anyOf: [other, schema] } : schema };
    }
    const texts = described.map(({ text }) => text.trim());
    responses[status] = { description: [...new Set(texts)].join('; '), content };
  }
  return responses;
}
