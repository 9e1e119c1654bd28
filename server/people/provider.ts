import * as oidc from 'openid-client';
import { type Dispatcher, fetch, type RequestInit } from 'undici';
import { z } from 'zod';
import { limitBody } from './limit-body.js';

/** Milliseconds that the provider has for each response. */
export const providerTimeoutMs = 5000;

/** Seconds that a route may need for the provider's metadata, keys, tokens and userinfo, one after the other. */
export const providerSeconds = (4 * providerTimeoutMs) / 1000;

/** Milliseconds for which the provider's metadata are believed. */
const metadataMs = 10 * 60_000;

/** The settings of the provider. */
export interface ProviderSettings {
  oidcClientId: string | undefined;
  oidcClientSecret: string | undefined;
  oidcProviderIssuer: string | undefined;
  /** Seconds of clock difference that are allowed. */
  jwtLeeway: number;
}

/** The signatures of ID tokens that are accepted: never none, and none whose key the provider and others share (HMAC). */
const signatureForm = /^(?:(?:RS|PS|ES)(?:256|384|512)|EdDSA|Ed25519)$/;

const metadataSchema = z.looseObject({
  issuer: z.string(),
  id_token_signing_alg_values_supported: z.array(z.string()).optional(),
});

/** The OpenID provider: its metadata, which are fetched when they are first needed, and requests to it. */
export class Provider {
  #configuration: Promise<oidc.Configuration> | undefined;
  #fetchedAt = 0;

  constructor(
    private readonly settings: ProviderSettings,
    private readonly dispatcher: Dispatcher,
  ) {}

  /**
   * Returns the provider's metadata with this server's client, for openid-client.
   * @throws Error if the provider cannot be reached or has another issuer than the settings
   */
  getConfiguration(): Promise<oidc.Configuration> {
    const now = performance.now();
    if (this.#configuration !== undefined && now - this.#fetchedAt < metadataMs) return this.#configuration;
    this.#fetchedAt = now;
    const configuration = this.#discover();
    this.#configuration = configuration;
    // A failure is not kept: the next sign-in asks again.
    configuration.catch(() => {
      if (this.#configuration === configuration) this.#configuration = undefined;
    });
    return configuration;
  }

  /** Returns whether tokens, codes and people of an issuer belong to this provider: the settings may have changed since. */
  isIssuer(issuer: string | undefined): boolean {
    return withoutSlash(issuer ?? '') === withoutSlash(this.settings.oidcProviderIssuer ?? '');
  }

  /** Sends a request to the provider, without following redirects. Its body fails after 5 MiB. @throws Error after 5 s */
  async fetch(url: string | URL, init: RequestInit = {}): Promise<Response> {
    const signal = init.signal ?? AbortSignal.timeout(providerTimeoutMs);
    const options: RequestInit = { ...init, signal, redirect: 'manual', dispatcher: this.dispatcher };
    return limitBody((await fetch(url, options)) as unknown as Response);
  }

  /** Ends the connections to the provider. */
  close(): Promise<void> {
    return this.dispatcher.destroy();
  }

  async #discover(): Promise<oidc.Configuration> {
    const { oidcProviderIssuer = '', oidcClientId = '', oidcClientSecret, jwtLeeway } = this.settings;
    const issuer = withoutSlash(oidcProviderIssuer);
    const response = await this.fetch(`${issuer}/.well-known/openid-configuration`);
    if (response.status !== 200) throw new Error(`the provider's metadata have status ${response.status}`);
    const metadata = metadataSchema.parse(await response.json());
    if (withoutSlash(metadata.issuer) !== issuer)
      throw new Error(`the provider's metadata name another issuer: ${metadata.issuer}`);
    const algorithms = metadata.id_token_signing_alg_values_supported ?? ['RS256'];
    const configuration = new oidc.Configuration(
      {
        ...metadata,
        id_token_signing_alg_values_supported: algorithms.filter((name) => signatureForm.test(name)),
      },
      oidcClientId,
      { [oidc.clockTolerance]: jwtLeeway },
      oidcClientSecret === undefined ? oidc.None() : oidc.ClientSecretBasic(oidcClientSecret),
    );
    configuration.timeout = providerTimeoutMs / 1000;
    configuration[oidc.customFetch] = (url, init) => this.fetch(url, init as RequestInit);
    // Without this, the library does not check the signature of an ID token that came from the token endpoint.
    oidc.enableNonRepudiationChecks(configuration);
    if (issuer.startsWith('http:')) oidc.allowInsecureRequests(configuration);
    return configuration;
  }
}

function withoutSlash(url: string): string {
  return url.replace(/\/$/, '');
}
