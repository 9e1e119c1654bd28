import { type ApiError, type ErrorShape, errorKinds } from './api-error.js';
import type { Reply } from '../http/reply.js';

/** How a body of each shape is written; routes of our own add the request's id. */
const shapes: Record<ErrorShape, (error: ApiError, requestId: string | undefined) => Reply> = {
  json: (error, requestId) => ({
    status: error.status,
    type: 'application/json',
    body: JSON.stringify({
      message: error.message,
      detail: error.detail,
      ...(requestId !== undefined && { request_id: requestId }),
    }),
  }),
  reasons: (error) => ({
    status: error.status,
    type: 'application/json',
    body: JSON.stringify({ message: error.detail, detail: {} }),
  }),
  oauth: (error) => ({
    status: error.status,
    type: 'application/json',
    body: JSON.stringify({ error: error.code }),
  }),
  text: (error) => ({ status: error.status, type: 'text/plain; charset=utf-8', body: error.message }),
  line: (error) => ({ status: error.status, type: 'text/plain; charset=utf-8', body: `${error.message}\n` }),
};

/** The one writer of error bodies; `requestId` is given for routes of our own only. */
export function presentError(error: ApiError, requestId?: string): Reply {
  return { ...shapes[errorKinds[error.code].shape](error, requestId), headers: error.headers };
}
