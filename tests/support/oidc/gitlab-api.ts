import { setTimeout as pause } from 'node:timers/promises';
import type { Context, Middleware } from 'koa';
import type Provider from 'oidc-provider';
import type { Directory } from './person.js';

/** A body of exactly this many bytes, as JSON. */
function jsonOf(bytes: number): string {
  return JSON.stringify('x'.repeat(Math.max(0, bytes - 2)));
}

/**
 * The provider's own API below `/api/v4`. It accepts only valid access tokens with the scope `read_api`, in the
 * `Authorization` header, and sets a cookie. Its routes:
 * - `user`: the person. Every other path answers with the path and query it got.
 * - `page`: HTML. `text/BYTES`, `size/BYTES` and `chunked/BYTES`: so many bytes, of text, of JSON, and of JSON without
 *   a `Content-Length`.
 * - `slow`: answers after 30 s, or `slow?ms=`. `cut`: closes the connection within the body.
 * - `status/CODE`: that status, with JSON. `redirect?to=`: a redirect.
 */
export function gitlabApi(findProvider: () => Provider, people: Directory): Middleware {
  return async (ctx, next) => {
    if (!ctx.path.startsWith('/api/v4/')) return next();
    ctx.set('set-cookie', '_gitlab_session=of-the-provider; path=/; HttpOnly');
    const sub = await findSubject(findProvider(), ctx.get('authorization'));
    if (sub === undefined) {
      ctx.status = 401;
      ctx.body = { message: '401 Unauthorized' };
      return;
    }
    const [name = '', value = ''] = ctx.path.slice('/api/v4/'.length).split('/');
    if (name === 'slow') await pause(Number(ctx.query.ms ?? 30_000), undefined, { ref: false });
    answer(ctx, name, value, people.claims(sub));
  };
}

async function findSubject(provider: Provider, authorization: string): Promise<string | undefined> {
  const token = /^Bearer (\S+)$/.exec(authorization)?.[1];
  const found = token === undefined ? undefined : await provider.AccessToken.find(token);
  return found?.isValid && found.scopes.has('read_api') ? found.accountId : undefined;
}

function answer(ctx: Context, name: string, value: string, person: Record<string, unknown>): void {
  ctx.type = 'application/json';
  switch (name) {
    case 'user': {
      const { sub, name, nickname, email } = person;
      ctx.body = { id: Number(sub), username: nickname, name, email, state: 'active' };
      break;
    }
    case 'page':
      ctx.type = 'text/html';
      ctx.body = '<!doctype html><script>document.title = "from the provider"</script>';
      break;
    case 'text':
      ctx.type = 'text/plain';
      ctx.body = 'x'.repeat(Number(value));
      break;
    case 'size':
      ctx.body = jsonOf(Number(value));
      break;
    case 'chunked':
    case 'cut':
      ctx.respond = false;
      ctx.res.writeHead(200, { 'content-type': 'application/json' });
      if (name === 'chunked') ctx.res.end(jsonOf(Number(value)));
      else ctx.res.write('{"cut": "', () => ctx.res.destroy());
      break;
    case 'status':
      ctx.status = Number(value);
      if (ctx.status !== 204) ctx.body = { message: `status ${value}` };
      break;
    case 'redirect':
      ctx.redirect(String(ctx.query.to ?? '/api/v4/user'));
      break;
    default:
      ctx.body = { path: ctx.path, query: { ...ctx.query } };
  }
}
