import type { ErrorRow } from './error-row.js';

/** What an error can have besides its row. */
export interface ApiErrorOptions {
  /** The public message, for rows whose message contains values. */
  message?: string;
  /** The public `detail` object. */
  detail?: Record<string, unknown>;
  /** Written only to the security log. */
  reason?: string;
  headers?: Record<string, string>;
  cause?: unknown;
}

/** An error response: a code for programs, a public message, and a private reason for the log. */
export class ApiError extends Error {
  readonly code: string;
  readonly status: number;
  readonly detail: Record<string, unknown>;
  readonly reason: string | undefined;
  readonly headers: Record<string, string>;

  constructor(
    readonly row: ErrorRow,
    options: ApiErrorOptions = {},
  ) {
    super(options.message ?? row.message ?? row.code, { cause: options.cause });
    this.name = 'ApiError';
    this.code = row.code;
    this.status = row.status;
    this.detail = options.detail ?? {};
    this.reason = options.reason;
    this.headers = options.headers ?? {};
  }
}

/** Returns whether a thrown value is an error of this row. */
export function isApiError(thrown: unknown, row: ErrorRow): thrown is ApiError {
  return thrown instanceof ApiError && thrown.row === row;
}
