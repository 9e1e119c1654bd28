import { type ErrorCode, type ErrorShape, errorKinds } from '../errors/api-error.js';

/** One entry of `responses`. */
export interface OpenApiResponse {
  description: string;
  content?: Record<string, { schema: object }>;
}

const contents: Record<ErrorShape, [type: string, schema: object]> = {
  json: ['application/json', { $ref: '#/components/schemas/Error' }],
  reasons: [
    'application/json',
    {
      type: 'object',
      required: ['message', 'detail'],
      properties: { message: { type: 'object' }, detail: { type: 'object' } },
    },
  ],
  oauth: [
    'application/json',
    { type: 'object', required: ['error'], properties: { error: { type: 'string' } } },
  ],
  text: ['text/plain', { type: 'string' }],
  line: ['text/plain', { type: 'string' }],
};

/** The responses of these errors by status: their public texts, and the content types that their bodies have. */
export function describeErrors(codes: readonly ErrorCode[]): Record<string, OpenApiResponse> {
  const responses: Record<string, OpenApiResponse> = {};
  for (const status of new Set(codes.map((code) => errorKinds[code].status))) {
    const kinds = [...new Set(codes)]
      .map((code) => ({ code, ...errorKinds[code] }))
      .filter((k) => k.status === status);
    const texts = kinds.map((kind) => ('message' in kind ? kind.message : kind.code.replaceAll('_', ' ')));
    const content: NonNullable<OpenApiResponse['content']> = {};
    for (const [type, schema] of kinds.map((kind) => contents[kind.shape])) {
      const other = content[type]?.schema;
      content[type] = { schema: other && other !== schema ? { anyOf: [other, schema] } : schema };
    }
    responses[status] = { description: [...new Set(texts)].join('; '), content };
  }
  return responses;
}
