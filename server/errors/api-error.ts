import type { ErrorRow } from './error-row.js';

/** What an error can carry besides its row. */
export interface ApiErrorOptions {
  /** The public message, for rows whose message has values in it. */
  message?: string;
  /** The public `detail` object. */
  detail?: Record<string, unknown>;
  /** Written to the security log only. */
  reason?: string;
  headers?: Record<string, string>;
  cause?: unknown;
}

/** A response other than success: a code for programs, a public message, and a private reason for the log. */
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

/** Whether something that was thrown is the error of this row. */
export function isApiError(thrown: unknown, row: ErrorRow): thrown is ApiError {
  return thrown instanceof ApiError && thrown.row === row;
}
