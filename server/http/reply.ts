import type { Readable } from 'node:stream';

/** What a handler answers; the mount writes it. */
export interface Reply {
  status: number;
  /** `undefined` for an empty body. */
  body?: string | Buffer;
  /** A body of any length, in place of `body`; an error in it cuts the connection and is logged. */
  stream?: Readable;
  type?:
    | 'application/json'
    | 'text/plain; charset=utf-8'
    | 'text/html; charset=utf-8'
    | 'text/css; charset=utf-8'
    | 'text/javascript; charset=utf-8'
    | 'application/gzip'
    | 'application/x-tar';
  headers?: Record<string, string>;
  /** Takes back what the handler did, when the answer cannot be written because its client has gone. */
  ifUnsent?: () => Promise<void>;
}

/** A JSON answer with status 200. */
export function json(value: unknown, headers?: Record<string, string>): Reply {
  return { status: 200, body: JSON.stringify(value), type: 'application/json', ...(headers && { headers }) };
}

/** A plain text answer with status 200. */
export function text(body: string, headers?: Record<string, string>): Reply {
  return { status: 200, body, type: 'text/plain; charset=utf-8', ...(headers && { headers }) };
}

/** An answer without a body: 204. */
export function empty(headers?: Record<string, string>): Reply {
  return { status: 204, ...(headers && { headers }) };
}
