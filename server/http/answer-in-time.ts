import type { Deps } from '../deps.js';
import { ApiError } from '../errors/api-error.js';
import type { Reply } from './reply.js';
import { takeBack } from './take-back.js';

/** Milliseconds after which a request that MongoDB leaves without an answer is answered 503. */
const answerWithinMs = 9000;

/**
 * A MongoDB that is frozen, or a host that is gone, must not leave clients in silence. What is done after that
 * answer is taken back.
 * @param options.bodyEnd the end of a body that is still coming in, from which the time counts
 * @param options.waitSeconds as long may the reply wait besides
 * @throws ApiError 503 when the reply takes longer than 9 s.
 */
export async function answerInTime(
  deps: Deps,
  reply: Reply | Promise<Reply>,
  { bodyEnd, waitSeconds = 0 }: { bodyEnd?: Promise<void> | undefined; waitSeconds?: number } = {},
): Promise<Reply> {
  let timer: NodeJS.Timeout | undefined;
  let settled = false;
  const late = new Promise<never>((_, reject) => {
    const tell = () => {
      reject(new ApiError('unavailable', { headers: { 'Retry-After': '1' } }));
      void takeBackLate(deps, reply);
    };
    const start = () => {
      if (!settled) timer = setTimeout(tell, answerWithinMs + waitSeconds * 1000);
    };
    if (bodyEnd) void bodyEnd.then(start);
    else start();
  });
  try {
    return await Promise.race([reply, late]);
  } finally {
    settled = true;
    clearTimeout(timer);
  }
}

async function takeBackLate(deps: Deps, reply: Reply | Promise<Reply>): Promise<void> {
  try {
    const { ifUnsent } = await reply;
    if (ifUnsent) await takeBack(deps, ifUnsent);
  } catch {
    // It failed in the end, so nothing was done.
  }
}
