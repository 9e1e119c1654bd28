import type { ServerResponse } from 'node:http';
import type { Logger } from 'pino';

/** Runs `undo` if the connection closes, or is already closed, before the whole response is written. */
export function undoIfUnsent(log: Logger, response: ServerResponse, undo: () => Promise<void>): void {
  if (response.closed || response.socket?.destroyed !== false) {
    void undoInBackground(log, undo);
    return;
  }
  response.once('close', () => {
    if (!response.writableFinished) void undoInBackground(log, undo);
  });
}

/** Runs `undo` and logs a failure, since no caller waits for it. */
export async function undoInBackground(log: Logger, undo: () => Promise<void>): Promise<void> {
  try {
    await undo();
  } catch (error) {
    log.error({ err: error }, 'could not undo the work for a response that was not delivered');
  }
}
