import type { Readable } from 'node:stream';
import { writeJson } from './exact-json.js';

/** The response that a handler returns; `writeReply` sends it. */
export interface Reply {
  status: number;
  /** `undefined` for an empty body. */
  body?: string | Buffer;
  /** A body of any length, in place of `body`; an error in the stream closes the connection and is logged. */
  stream?: Readable;
  type?:
    | 'application/json'
    | 'text/plain; charset=utf-8'
    | 'text/html; charset=utf-8'
    | 'text/css; charset=utf-8'
    | 'text/javascript; charset=utf-8'
    | 'application/gzip'
    | 'application/x-tar';
  /** A list is sent as several headers of one name. */
  headers?: Record<string, string | string[]>;
  /** Undoes the handler's work when the client disconnects before the response is sent. */
  undoIfUnsent?: () => Promise<void>;
}

/** Returns a JSON response with status 200. */
export function json(value: unknown, headers?: Reply['headers']): Reply {
  return { status: 200, body: writeJson(value), type: 'application/json', ...(headers && { headers }) };
}

/** Returns a plain text response with status 200. */
export function text(body: string, headers?: Reply['headers']): Reply {
  return { status: 200, body, type: 'text/plain; charset=utf-8', ...(headers && { headers }) };
}

/** Returns a response with status 204 and no body. */
export function empty(headers?: Record<string, string>): Reply {
  return { status: 204, ...(headers && { headers }) };
}
