import type { Context, Middleware } from 'koa';
import type { SecurityEvent } from '../core/audit.js';
import type { Deps } from '../deps.js';
import { presentError } from '../errors/families.js';
import type { ApiError, ErrorCode } from '../errors/api-error.js';
import { type RequestState, writeReply } from './mount-routes.js';
import { toApiError } from './to-api-error.js';

/** Answers every error: its own answer for an `ApiError`, 413 or 503 for what the database says, else 500. */
export function createErrorHandler(deps: Deps): Middleware {
  return async (ctx, next) => {
    try {
      await next();
    } catch (thrown) {
      const error = toApiError(thrown);
      const state = ctx.state as RequestState;
      if (error.status >= 500)
        deps.log.error({ request_id: state.requestId, err: error.cause ?? error }, error.message);
      logRefusal(deps, error, ctx);
      writeReply(ctx, presentError(error, state.route?.family === 'own' ? state.requestId : undefined));
      if (state.route?.noStore) ctx.set('Cache-Control', 'no-store');
    }
  };
}

/** The refusals that belong into the security log, by their code; logins write their own. */
const securityEvents: Partial<Record<ErrorCode, SecurityEvent['event']>> = {
  basic_missing: 'login',
  basic_incomplete: 'login',
  authentication_required: 'token_refused',
  bearer_without_token: 'token_refused',
  token_expired: 'token_refused',
  token_not_yet_valid: 'token_refused',
  token_signature: 'token_refused',
  token_claim_missing: 'token_refused',
  token_undecodable: 'token_refused',
  token_invalid: 'token_refused',
  role_required: 'role_refused',
  client_rights: 'role_refused',
  admin_client_fixed: 'role_refused',
  push_unauthenticated: 'push_refused',
  push_refused: 'push_refused',
  resubmit_refused: 'push_refused',
  job_not_owned: 'role_refused',
  oidc_client_fixed: 'role_refused',
  webhook_url_refused: 'push_refused',
  secrets_without_client: 'push_refused',
  secrets_inaccessible: 'push_refused',
  secret_login_required: 'secret_refused',
  secret_of_other_client: 'secret_refused',
};

function logRefusal(deps: Deps, error: ApiError, ctx: Context): void {
  const event = securityEvents[error.code];
  if (event === undefined) return;
  const { caller, address, route } = ctx.state as RequestState;
  deps.securityLog({
    event,
    outcome: 'refused',
    ...(caller?.clientId !== undefined && { actor: caller.clientId }),
    // The route and not the path, since a key may stand there by mistake.
    ...(route && { target: `${route.method} ${route.path}` }),
    source: address.source,
    reason: error.reason ?? error.code,
  });
}
