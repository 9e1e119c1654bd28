import type { Middleware } from 'koa';
import type Provider from 'oidc-provider';
import type { Directory } from './person.js';

/** The page where a person would sign in: signs in the current person, or refuses, at once. */
export function signInPage(findProvider: () => Provider, people: Directory): Middleware {
  return async (ctx, next) => {
    if (!ctx.path.startsWith('/interaction/')) return next();
    const result = people.refuses
      ? { error: 'access_denied', error_description: 'The person refused' }
      : { login: { accountId: people.current.sub } };
    // No merging: the result of an earlier person must not stay.
    const options = { mergeWithLastSubmission: false };
    ctx.redirect(await findProvider().interactionResult(ctx.req, ctx.res, result, options));
    ctx.status = 303;
  };
}
