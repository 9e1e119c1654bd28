import type { Logger } from 'pino';

/**
 * Returns a logger that does not search its lines for secrets, which is faster: for lines that contain only fields that
 * the code names.
 */
export function withoutRedaction(log: Logger): Logger {
  return log.child({}, { redact: [] });
}
