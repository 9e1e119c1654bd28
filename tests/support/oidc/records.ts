import type { IncomingHttpHeaders } from 'node:http';
import type { Middleware } from 'koa';
import { type Endpoint, findEndpoint } from './endpoints.js';

/** A request that the provider got. */
export interface IssuerRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  authorization: string | undefined;
  cookie: string | undefined;
  endpoint: Endpoint | undefined;
  /** The form fields, if the provider read the body. */
  form?: Record<string, unknown>;
  /** The status of the answer; absent while there is none. */
  status?: number;
}

const secretFields = ['access_token', 'refresh_token', 'id_token', 'device_code'] as const;

/** The requests that a provider got, and all tokens and codes that it issued. */
export class Records {
  readonly requests: IssuerRequest[] = [];
  /**
   * Access, refresh and ID tokens, authorization codes and device codes: each as the provider made it and, if it was
   * spoilt, as it was sent.
   */
  readonly issued: string[] = [];

  /** Counts the requests to an endpoint, for example of the keys. */
  count(endpoint: Endpoint): number {
    return this.requests.filter((request) => request.endpoint === endpoint).length;
  }

  /** Keeps the tokens that the provider made. It comes last, so it sees them before a delayed or spoilt answer. */
  readonly innerMiddleware: Middleware = async (ctx, next) => {
    await next();
    this.#keepSecrets(ctx.body, ctx.response.get('location'));
  };

  /** Keeps the requests and the tokens that are sent. It comes first. */
  readonly middleware: Middleware = async (ctx, next) => {
    const { authorization, cookie } = ctx.headers;
    const request: IssuerRequest = {
      method: ctx.method,
      path: ctx.path,
      query: new URLSearchParams(ctx.querystring),
      headers: ctx.headers,
      authorization,
      cookie,
      endpoint: findEndpoint(ctx.path),
    };
    this.requests.push(request);
    await next();
    request.status = ctx.status;
    const { oidc } = ctx as { oidc?: { body?: Record<string, unknown> } };
    if (oidc?.body !== undefined) request.form = { ...oidc.body };
    this.#keepSecrets(ctx.body, ctx.response.get('location'));
  };

  #keepSecrets(body: unknown, location: string): void {
    const code = URL.canParse(location) ? new URL(location).searchParams.get('code') : null;
    const fields = typeof body === 'object' ? (body as Record<string, unknown> | null) : null;
    for (const secret of [code, ...secretFields.map((field) => fields?.[field])]) {
      if (typeof secret === 'string' && !this.issued.includes(secret)) this.issued.push(secret);
    }
  }
}
