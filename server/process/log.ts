import { type DestinationStream, type Logger, pino } from 'pino';
import type { CoreSettings } from '../core/core.js';

/** Fields that are never written, whatever object they come in; our own lines do not have them. */
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
].flatMap((field) => [field, `*.${field}`, `*.*.${field}`]);

/** One JSON line per event on standard output, times in ISO 8601. */
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

/** Characters of log that wait while standard output takes none; what comes after them is dropped. */
const maxBacklogLength = 2 ** 20;

/** Written at once. A full disk loses lines; pino's own choice would wait for it forever, the server with it. */
function openStandardOutput(): DestinationStream {
  const output = pino.destination({ fd: 1, sync: true, maxLength: maxBacklogLength });
  output.on('error', () => undefined);
  return output;
}

/** The kind, code and place of an error: its other fields can hold what a client sent. */
function presentLoggedError(error: unknown): object {
  if (!(error instanceof Error)) return { type: typeof error };
  const { name, message, stack } = error;
  const code = (error as { code?: unknown }).code;
  // The message of a duplicate key tells the values of the key.
  const loggedMessage = code === 11000 ? 'duplicate key' : message;
  return {
    type: name,
    code,
    message: loggedMessage,
    stack: stack?.split('\n').slice(1, 6).join('\n'),
    ...(error.cause !== undefined && { cause: presentLoggedError(error.cause) }),
  };
}
