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

/** What a failure of the database means for the request that met it. */
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

/** Of the connection pool: all connections are taken for too long, or it is closed; their classes are not exported. */
const unavailableNames = new Set(['MongoWaitQueueTimeoutError', 'MongoPoolClosedError']);

/**
 * Server codes of a MongoDB that cannot serve now: no primary, stepping down, shutting down, no disk, no memory, no majority,
 * writes blocked (371); and of one that refuses this server's user (13, 18, 8000), as while its credential is changed.
 */
const unavailableCodes = new Set([
  6, 7, 13, 18, 50, 64, 89, 91, 100, 133, 134, 146, 189, 202, 262, 317, 358, 371, 8000, 9001, 10107, 11600,
  11601, 11602, 13435, 13436, 14031,
]);

/** `BSONObjectTooLarge`, and the code of the same before it had a name. */
const tooLargeCodes = new Set([10334, 17280, 17419, 17420]);

/** Sorts an error that an operation threw; `undefined` when it is none of MongoDB's. */
export function classifyDatabaseError(error: unknown): DatabaseFailure | undefined {
  // The driver dresses whatever ends a bulk write, a cut connection too, as an error of its own kind.
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

/** The labels that the server and the driver put on what a repeat can mend. */
function hasRetryLabel(error: MongoServerError): boolean {
  const labels = ['RetryableWriteError', 'RetryableError', 'TransientTransactionError'];
  return labels.some((label) => error.hasErrorLabel(label)) || error.cause instanceof MongoNetworkError;
}

/** Whether the same write could succeed at once, as after a change of the primary: for writes that do nothing when they are repeated. */
export function isRetryable(error: unknown): boolean {
  const inner: unknown = error instanceof MongoBulkWriteError ? error.errorResponse : undefined;
  if (inner instanceof Error) return isRetryable(inner);
  return (
    error instanceof MongoNetworkError ||
    (error instanceof MongoServerError && (hasRetryLabel(error) || notPrimaryCodes.has(Number(error.code))))
  );
}

/** Of a node that stepped down, and of an operation that this ended: the driver labels them for what it repeats itself only. */
const notPrimaryCodes = new Set([189, 10107, 11600, 11602, 13435]);

/** The codes of an error: a bulk write has those of its single writes and of the write concern inside. */
function listCodes(error: MongoServerError): number[] {
  const bulk = error instanceof MongoBulkWriteError ? error : undefined;
  const single = [bulk?.writeErrors ?? []].flat() as { code?: number }[];
  const inside = [bulk?.result.getWriteConcernError(), error.writeConcernError, error.cause, ...single];
  return [error, ...inside].map((one) => Number((one as { code?: unknown } | undefined)?.code));
}

const networkCodes = /^E(PIPE|CONN(RESET|REFUSED|ABORTED)|NOTCONN|TIMEDOUT|HOSTUNREACH|NETUNREACH)$/;

/**
 * Node's own errors that the driver lets through: of a write to a connection that MongoDB just closed, and of the name
 * service, over a `mongodb+srv://` string.
 */
function isNetworkError(error: NodeJS.ErrnoException | undefined): boolean {
  const { code, syscall } = error ?? {};
  return networkCodes.test(code ?? '') || syscall === 'querySrv' || syscall === 'queryTxt';
}

/** Whether the error says that a unique index holds the value already. */
export function isDuplicateKey(error: unknown): error is MongoServerError {
  return error instanceof MongoServerError && error.code === 11000;
}

/** Whether the driver refused to make a command of what it was given, such as a document that is too large: nothing was sent. */
export function wasNotSent(error: unknown): boolean {
  return classifyDatabaseError(error) !== 'unavailable' && !(error instanceof MongoServerError);
}
