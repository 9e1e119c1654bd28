import type { Logger } from 'pino';
import { requestTimeLimitMs } from '../core/time-limits.js';
import { ApiError } from '../errors/api-error.js';
import { commonErrors } from '../errors/common-errors.js';
import type { Reply } from './reply.js';
import { undoInBackground } from './undo-unsent.js';

/** A part of a reply's time that does not count. Neither promise resolves if there is no pause. */
export interface Pause {
  from: Promise<void>;
  until: Promise<void>;
}

/**
 * Limits the time of a reply: when MongoDB is frozen or its host is down, clients must still get a response. Work that
 * ends after the limit is undone.
 * @param options.pause the time that does not count, such as while a file is received: after it, the limit starts again
 * @param options.waitSeconds seconds that are added to the limit
 * @throws ApiError 503 when the reply takes longer than 9 s plus `waitSeconds`
 */
export async function limitTime(
  log: Logger,
  reply: Reply | Promise<Reply>,
  { pause, waitSeconds = 0 }: { pause?: Pause | undefined; waitSeconds?: number } = {},
): Promise<Reply> {
  let timer: NodeJS.Timeout | undefined;
  let settled = false;
  const late = new Promise<never>((_, reject) => {
    const giveUp = () => {
      reject(new ApiError(commonErrors.unavailable, { headers: { 'Retry-After': '1' } }));
      void undoLate(log, reply);
    };
    const start = () => {
      if (!settled) timer = setTimeout(giveUp, requestTimeLimitMs + waitSeconds * 1000);
    };
    start();
    if (pause === undefined) return;
    void pause.from.then(() => clearTimeout(timer));
    void pause.until.then(start);
  });
  try {
    return await Promise.race([reply, late]);
  } finally {
    settled = true;
    clearTimeout(timer);
  }
}

async function undoLate(log: Logger, reply: Reply | Promise<Reply>): Promise<void> {
  try {
    const { undoIfUnsent } = await reply;
    if (undoIfUnsent) await undoInBackground(log, undoIfUnsent);
  } catch {
    // The reply failed, so there is nothing to undo.
  }
}
