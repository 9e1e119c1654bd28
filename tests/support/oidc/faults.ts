import { setTimeout as pause } from 'node:timers/promises';
import type { Context } from 'koa';

/** An answer in place of the provider's own. */
export interface Fault {
  /**
   * Waits before the answer. Without `status` and `kind`, this is the provider's own answer, which it made before the
   * wait: a client that gave up has used its code or refresh token.
   */
  delayMs?: number;
  status?: number;
  type?: string;
  body?: string;
  /** `hang`: no answer. `cut`: the connection is closed. `redirect`: a redirect to a copy of the endpoint. */
  kind?: 'hang' | 'cut' | 'redirect';
  /** How often it occurs. The default is always. */
  times?: number;
}

/** The faults that providers and proxies in front of them show. */
export const faults = {
  serverError: { status: 500, type: 'text/html', body: '<h1>500 Internal Server Error</h1>' },
  unavailable: { status: 503, type: 'application/json', body: '{"message": "Service Unavailable"}' },
  text: { status: 200, type: 'text/plain', body: 'this is not JSON' },
  html: { status: 200, type: 'text/html', body: '<!doctype html><title>Maintenance</title>' },
  brokenJson: { status: 200, type: 'application/json', body: '{"access_token": "x' },
  array: { status: 200, type: 'application/json', body: '[]' },
  empty: { status: 200, type: 'application/json', body: '' },
  hang: { kind: 'hang' },
  cut: { kind: 'cut' },
  /** A client that follows it succeeds. */
  redirect: { kind: 'redirect' },
} satisfies Record<string, Fault>;

/** An OAuth error, such as `slow_down` or `access_denied`. */
export function oauthError(error: string, status = 400): Fault {
  return {
    status,
    type: 'application/json',
    body: JSON.stringify({ error, error_description: `spoilt: ${error}` }),
  };
}

/** The prefix of the paths to which the fault `redirect` leads. */
export const movedPrefix = '/moved';

/** Whether a fault replaces the provider's own answer. */
export function isReplacement(fault: Fault | undefined): boolean {
  return fault?.status !== undefined || fault?.kind !== undefined;
}

/** Answers with a fault. */
export async function answerWithFault(ctx: Context, fault: Fault): Promise<void> {
  if (fault.delayMs !== undefined) await pause(fault.delayMs, undefined, { ref: false });
  if (fault.kind === 'redirect') {
    ctx.redirect(movedPrefix + ctx.url);
    // Clients keep the method and the body.
    ctx.status = 307;
    return;
  }
  if (fault.kind !== undefined) {
    ctx.respond = false;
    if (fault.kind === 'cut') ctx.req.socket.destroy();
    return;
  }
  if (fault.status === undefined) return;
  ctx.status = fault.status;
  ctx.type = fault.type ?? 'application/json';
  ctx.body = fault.body ?? '';
}
