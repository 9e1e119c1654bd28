import {
  MongoBulkWriteError,
  MongoClientClosedError,
  MongoNetworkError,
  MongoNotConnectedError,
  MongoOperationTimeoutError,
  MongoServerClosedError,
  MongoServerError,
  MongoServerSelectionError,
  MongoTopologyClosedError,
  MongoWriteConcernError,
} from 'mongodb';

/** What a database error means for the request that got it. */
export type DatabaseFailure = 'unavailable' | 'too_large' | 'other';

const unavailableErrors = [
  MongoClientClosedError,
  MongoNetworkError,
  MongoNotConnectedError,
  MongoOperationTimeoutError,
  MongoServerClosedError,
  MongoServerSelectionError,
  MongoTopologyClosedError,
  MongoWriteConcernError,
];

/**
 * Errors of the connection pool whose classes the driver does not export: no connection was free in time, or the pool
 * is closed.
 */
const unavailableNames = new Set(['MongoWaitQueueTimeoutError', 'MongoPoolClosedError']);

/**
 * Server codes that mean that MongoDB cannot serve now: no primary, stepping down, shutting down, no disk space, no memory,
 * no majority, writes blocked (371); or that it refuses this server's user (13, 18, 8000), as while a credential changes.
 */
const unavailableCodes = new Set([
  6, 7, 13, 18, 50, 64, 89, 91, 100, 133, 134, 146, 189, 202, 262, 317, 358, 371, 8000, 9001, 10107, 11600,
  11601, 11602, 13435, 13436, 14031,
]);

/** `BSONObjectTooLarge`, and older codes of the same error, which have no name. */
const tooLargeCodes = new Set([10334, 17280, 17419, 17420]);

/** Classifies an error that an operation threw; returns `undefined` if it is not an error of MongoDB or its driver. */
export function classifyDatabaseError(error: unknown): DatabaseFailure | undefined {
  // The driver wraps every error that ends a bulk write, such as a lost connection, in a MongoBulkWriteError.
  const inner: unknown = error instanceof MongoBulkWriteError ? error.errorResponse : undefined;
  if (inner instanceof Error) return classifyDatabaseError(inner);
  if (unavailableErrors.some((kind) => error instanceof kind)) return 'unavailable';
  if (error instanceof MongoServerError) {
    const codes = listCodes(error);
    if (codes.some((code) => unavailableCodes.has(code)) || hasRetryLabel(error)) return 'unavailable';
    return codes.some((code) => tooLargeCodes.has(code)) ? 'too_large' : 'other';
  }
  const known = error instanceof Error ? error : undefined;
  if (known && unavailableNames.has(known.name)) return 'unavailable';
  if (isNetworkError(known)) return 'unavailable';
  if (known?.name === 'MongoInvalidArgumentError' && /maximum|too large/i.test(known.message))
    return 'too_large';
  if (known instanceof RangeError && (known as NodeJS.ErrnoException).code === 'ERR_OUT_OF_RANGE')
    return 'too_large';
  return known?.name.startsWith('Mongo') || known?.name.startsWith('BSON') ? 'other' : undefined;
}

/** Returns whether the server or the driver marked the error as one that a retry can fix. */
function hasRetryLabel(error: MongoServerError): boolean {
  const labels = ['RetryableWriteError', 'RetryableError', 'TransientTransactionError'];
  return labels.some((label) => error.hasErrorLabel(label)) || error.cause instanceof MongoNetworkError;
}

/**
 * Returns whether the same write could succeed at once, as after a change of the primary. Use it only for writes that
 * are safe to repeat.
 */
export function isRetryable(error: unknown): boolean {
  const inner: unknown = error instanceof MongoBulkWriteError ? error.errorResponse : undefined;
  if (inner instanceof Error) return isRetryable(inner);
  return (
    error instanceof MongoNetworkError ||
    (error instanceof MongoServerError && (hasRetryLabel(error) || notPrimaryCodes.has(Number(error.code))))
  );
}

/**
 * Codes of a node that stepped down, and of an operation that this interrupted. The driver labels only operations that
 * it retries itself.
 */
const notPrimaryCodes = new Set([189, 10107, 11600, 11602, 13435]);

/**
 * Returns the codes of an error; those of a bulk write include the codes of its single writes and of its write concern
 * error.
 */
function listCodes(error: MongoServerError): number[] {
  const bulk = error instanceof MongoBulkWriteError ? error : undefined;
  const single = [bulk?.writeErrors ?? []].flat() as { code?: number }[];
  const nested = [bulk?.result.getWriteConcernError(), error.writeConcernError, error.cause, ...single];
  return [error, ...nested].map((item) => Number((item as { code?: unknown } | undefined)?.code));
}

const networkCodes = /^E(PIPE|CONN(RESET|REFUSED|ABORTED)|NOTCONN|TIMEDOUT|HOSTUNREACH|NETUNREACH)$/;

/**
 * Returns whether an error is one of Node's network errors that the driver does not wrap: from a write to a connection
 * that MongoDB just closed, or from the DNS lookup for a `mongodb+srv://` string.
 */
function isNetworkError(error: NodeJS.ErrnoException | undefined): boolean {
  const { code, syscall } = error ?? {};
  return networkCodes.test(code ?? '') || syscall === 'querySrv' || syscall === 'queryTxt';
}

/** Returns whether the error reports that a unique index contains the value already. */
export function isDuplicateKey(error: unknown): error is MongoServerError {
  return error instanceof MongoServerError && error.code === 11000;
}

/**
 * Returns whether the driver could not make a command from its input, such as a document that is too large, and sent
 * nothing.
 */
export function wasNotSent(error: unknown): boolean {
  return classifyDatabaseError(error) !== 'unavailable' && !(error instanceof MongoServerError);
}
