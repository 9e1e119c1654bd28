import { type DestinationStream, type Logger, pino } from 'pino';
import type { CoreSettings } from '../core/core.js';

/** Fields that are never logged, in whatever object they occur; our own log lines do not have them. */
const redacted = [
  'authorization',
  'client_key',
  'client_secret',
  'client_secret_hash',
  'cookie',
  'password',
  'refresh_token',
  'access_token',
  'secret_sha256',
  'set-cookie',
  'id_token',
  'device_code',
  'code_verifier',
  'csrf_token',
].flatMap((field) => [field, `*.${field}`, `*.*.${field}`]);

/** Makes the logger: one JSON line per event on standard output, with times in ISO 8601. */
export function createLog(config: Pick<CoreSettings, 'logLevel'>, destination?: DestinationStream): Logger {
  const options = {
    level: config.logLevel,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: redacted,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { err: presentLoggedError },
  };
  return pino(options, destination ?? openStandardOutput());
}

/** Maximum number of characters that wait while standard output accepts no data; later lines are dropped. */
const maxBacklogLength = 2 ** 20;

/**
 * Opens standard output for synchronous writes. If the disk is full, lines are lost; by default pino would block the
 * server.
 */
function openStandardOutput(): DestinationStream {
  const output = pino.destination({ fd: 1, sync: true, maxLength: maxBacklogLength });
  output.on('error', () => undefined);
  return output;
}

/** Logs only the name, code, message and stack of an error: its other fields can contain data that a client sent. */
function presentLoggedError(error: unknown): object {
  if (!(error instanceof Error)) return { type: typeof error };
  const { name, message, stack } = error;
  const code = (error as { code?: unknown }).code;
  // The message of a duplicate key error contains the values of the key.
  const loggedMessage = code === 11000 ? 'duplicate key' : message;
  return {
    type: name,
    code,
    message: loggedMessage,
    stack: stack?.split('\n').slice(1, 6).join('\n'),
    ...(error.cause !== undefined && { cause: presentLoggedError(error.cause) }),
  };
}
