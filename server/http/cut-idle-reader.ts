import type { ServerResponse } from 'node:http';

/** Milliseconds for which a client may take nothing of a response. */
const maxIdleMs = 120_000;

/**
 * Closes the connection of a client that takes nothing of a response for `ms` milliseconds (default: 2 minutes). Node
 * resets the timeout at the connection's next request.
 */
export function cutIdleReader({ socket }: ServerResponse, ms = maxIdleMs): void {
  socket?.setTimeout(ms);
}
