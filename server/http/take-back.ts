import type { ServerResponse } from 'node:http';
import type { Deps } from '../deps.js';

/** Runs `ifUnsent` when the connection closes, or has closed, before the answer was written to it whole. */
export function takeBackIfUnsent(deps: Deps, response: ServerResponse, ifUnsent: () => Promise<void>): void {
  if (response.closed || response.socket?.destroyed !== false) {
    void takeBack(deps, ifUnsent);
    return;
  }
  response.once('close', () => {
    if (!response.writableFinished) void takeBack(deps, ifUnsent);
  });
}

/** Runs `ifUnsent`; nobody waits for it, so its failure goes to the log. */
export async function takeBack(deps: Deps, ifUnsent: () => Promise<void>): Promise<void> {
  try {
    await ifUnsent();
  } catch (error) {
    deps.log.error({ err: error }, 'what was done for an answer that nobody got was not taken back');
  }
}
