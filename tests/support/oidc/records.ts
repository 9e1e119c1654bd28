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
  /** Access, refresh and ID tokens, authorization codes and device codes, as they were sent. */
  readonly issued: string[] = [];

  /** Counts the requests to an endpoint, for example of the keys. */
  count(endpoint: Endpoint): number {
    return this.requests.filter((request) => request.endpoint === endpoint).length;
  }

  /** The middleware that keeps the records. It comes first, so it sees the answers as they are sent. */
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
    this.#keepTokens(ctx.body);
    this.#keepCode(ctx.response.get('location'));
  };

  #keepTokens(body: unknown): void {
    if (typeof body !== 'object' || body === null) return;
    for (const field of secretFields) {
      const value = (body as Record<string, unknown>)[field];
      if (typeof value === 'string') this.issued.push(value);
    }
  }

  #keepCode(location: string): void {
    const code = URL.canParse(location) ? new URL(location).searchParams.get('code') : null;
    if (code !== null) this.issued.push(code);
  }
}
