import type { Context, Middleware } from 'koa';
import { type Endpoint, findEndpoint } from './endpoints.js';
import { answerWithFault, type Fault, isReplacement, movedPrefix } from './faults.js';
import {
  type JwtPart,
  keyFor,
  makeSigningKeys,
  presentJwks,
  readJwt,
  type SigningAlg,
  type SigningKeys,
  signJwt,
} from './signing.js';
import { type SpoiltIdToken, spoiltIdTokens } from './spoilt-id-tokens.js';

type Change = Record<string, unknown>;

/** Spoils what a provider sends: a middleware before the provider, so that everything else is as the provider made it. */
export class Spoiler {
  /** Spoils the ID tokens from now on. */
  idToken: SpoiltIdToken | undefined;
  /** Changes claims of the ID tokens and signs them with the provider's key. `undefined` removes a claim. */
  claims: Change = {};
  /** Changes the query of the redirect to the callback: `iss`, `state`, `code`. `undefined` removes a parameter. */
  callback: Record<string, string | undefined> = {};
  readonly #faults = new Map<Endpoint, Fault>();
  readonly #changes = new Map<Endpoint, Change>();
  readonly #original: SigningKeys;
  #keys: SigningKeys;

  constructor(
    keys: SigningKeys,
    readonly clientSecret: string,
  ) {
    this.#original = keys;
    this.#keys = keys;
  }

  /** Answers with a fault at an endpoint, until it is called without one. */
  answer(endpoint: Endpoint, fault?: Fault): void {
    if (fault === undefined) this.#faults.delete(endpoint);
    else this.#faults.set(endpoint, { ...fault });
  }

  /** Changes fields of the JSON that an endpoint answers, until it is called without them. `undefined` removes one. */
  change(endpoint: Endpoint, fields: Change = {}): void {
    this.#changes.set(endpoint, fields);
  }

  /**
   * Replaces the provider's keys: the old ones leave the JWKS, and new ones sign. (`id_token_hint` of the end session
   * endpoint still needs a token that the old keys signed.)
   */
  rotateKeys(): void {
    this.#keys = makeSigningKeys();
  }

  /** Ends all spoiling except `rotateKeys`. */
  clear(): void {
    this.idToken = undefined;
    this.claims = {};
    this.callback = {};
    this.#faults.clear();
    this.#changes.clear();
  }

  /** The middleware. It comes before the provider's. */
  readonly middleware: Middleware = async (ctx, next) => {
    const isMoved = ctx.path.startsWith(`${movedPrefix}/`);
    if (isMoved) ctx.path = ctx.path.slice(movedPrefix.length);
    const endpoint = findEndpoint(ctx.path);
    const fault = isMoved ? undefined : this.#takeFault(endpoint);
    if (!isReplacement(fault)) {
      await next();
      this.#changeAnswer(ctx, endpoint);
    }
    if (fault !== undefined) await answerWithFault(ctx, fault);
  };

  #changeAnswer(ctx: Context, endpoint: Endpoint | undefined): void {
    this.#changeCallback(ctx);
    if (endpoint === undefined || ctx.status >= 400) return;
    if (endpoint === 'jwks' && this.#keys !== this.#original) ctx.body = presentJwks(this.#keys, 'public');
    this.#changeIdToken(ctx);
    const change = this.#changes.get(endpoint);
    if (change !== undefined) ctx.body = { ...(ctx.body as Change), ...change };
  }

  #takeFault(endpoint: Endpoint | undefined): Fault | undefined {
    const fault = endpoint && this.#faults.get(endpoint);
    if (fault?.times === undefined) return fault;
    fault.times -= 1;
    return fault.times < 0 ? undefined : fault;
  }

  #changeIdToken(ctx: Context): void {
    const body = ctx.body as { id_token?: unknown } | undefined;
    const isSpoiling =
      this.idToken !== undefined || Object.keys(this.claims).length > 0 || this.#keys !== this.#original;
    if (!isSpoiling || typeof body !== 'object' || typeof body.id_token !== 'string') return;
    const { header: read, payload: issued } = readJwt(body.id_token);
    const { kid, key } = keyFor(this.#keys, read.alg as SigningAlg);
    const header: JwtPart = { ...read, kid };
    const payload = { ...issued, ...this.claims };
    const token = signJwt(header, payload, key);
    const parts = { token, header, payload, key, clientSecret: this.clientSecret };
    ctx.body = {
      ...body,
      id_token: this.idToken === undefined ? token : spoiltIdTokens[this.idToken](parts),
    };
  }

  #changeCallback(ctx: Context): void {
    const location = ctx.response.get('location');
    if (!URL.canParse(location)) return;
    const target = new URL(location);
    const { searchParams } = target;
    if (!searchParams.has('code') && !searchParams.has('error')) return;
    for (const [name, value] of Object.entries(this.callback)) {
      if (value === undefined) searchParams.delete(name);
      else searchParams.set(name, value);
    }
    ctx.set('location', target.href);
  }
}
