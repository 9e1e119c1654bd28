import { Agent, type Dispatcher, EnvHttpProxyAgent, request } from 'undici';
import type { CoreSettings } from '../core/core.js';
import { ApiError } from '../errors/api-error.js';
import { commonErrors } from '../errors/common-errors.js';
import { StartError } from '../errors/start-error.js';
import { isJsonMap } from '../schema/set-own.js';

/** A response of Vault. */
export interface VaultResponse {
  status: number;
  /** Empty if the response is not a JSON object. */
  body: Record<string, unknown>;
}

/** Time limit for one Vault request, in milliseconds. One request of a client can wait for several of them. */
const responseTimeoutMs = 3000;

/** Maximum size of a response, in bytes. A secret has at most 1 MiB of text, up to six times that as escaped JSON. */
const maxResponseBytes = 8 * 1024 * 1024;

/** A client for HashiCorp Vault's HTTP API with one token. No error contains the token or a secret. */
export class VaultClient {
  readonly #dispatcher: Dispatcher;

  constructor(
    private readonly url: string,
    private readonly token: string,
    proxies: Pick<CoreSettings, 'httpProxy' | 'httpsProxy' | 'noProxy'>,
  ) {
    this.#dispatcher = createDispatcher(proxies);
  }

  /**
   * Sends a request to a path below `/v1/`.
   * @throws ApiError 503 if Vault is not reachable, is sealed or is too busy
   */
  async send(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<VaultResponse> {
    let response: VaultResponse;
    try {
      response = await this.#request(method, path, body);
    } catch (cause) {
      throw storeUnavailable(cause);
    }
    if ([429, 472, 473, 502, 503, 504].includes(response.status)) {
      throw storeUnavailable(
        new Error(`Vault returned ${response.status} for ${method} ${presentMountAndKind(path)}`),
      );
    }
    return response;
  }

  /** @throws StartError if Vault is not reachable, is sealed, or rejects the token */
  async checkToken(): Promise<void> {
    const where = `the Vault of TESTFLINGER_VAULT_URL (${new URL(this.url).origin})`;
    let response: VaultResponse;
    try {
      response = await this.send('GET', 'auth/token/lookup-self');
    } catch (error) {
      const { cause } = error as Error;
      throw new StartError(
        `${where} cannot be used: ${cause instanceof Error ? presentCause(cause) : 'no response'}`,
      );
    }
    if (response.status === 200) return;
    if (response.status === 403) throw new StartError(`${where} rejects TESTFLINGER_VAULT_TOKEN`);
    throw new StartError(`${where} returned ${response.status} when asked to look up its token`);
  }

  async close(): Promise<void> {
    await this.#dispatcher.destroy();
  }

  async #request(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<VaultResponse> {
    const response = await request(`${this.url.replace(/\/+$/, '')}/v1/${path}`, {
      method,
      dispatcher: this.#dispatcher,
      signal: AbortSignal.timeout(responseTimeoutMs),
      headers: {
        'x-vault-token': this.token,
        'x-vault-request': 'true',
        ...(body && { 'content-type': 'application/json' }),
      },
      body: body ? JSON.stringify(body) : null,
    });
    return { status: response.statusCode, body: await readJson(response.body) };
  }
}

function createDispatcher({ httpProxy, httpsProxy, noProxy }: Parameters<typeof pickProxies>[0]): Dispatcher {
  return httpProxy === undefined && httpsProxy === undefined
    ? new Agent()
    : new EnvHttpProxyAgent(pickProxies({ httpProxy, httpsProxy, noProxy }));
}

/** Unset proxies are empty strings, because undici would read `undefined` ones from the environment. */
function pickProxies(
  proxies: Pick<CoreSettings, 'httpProxy' | 'httpsProxy' | 'noProxy'>,
): EnvHttpProxyAgent.Options {
  return {
    httpProxy: proxies.httpProxy ?? '',
    httpsProxy: proxies.httpsProxy ?? '',
    noProxy: proxies.noProxy ?? '',
  };
}

async function readJson(body: Dispatcher.ResponseData['body']): Promise<Record<string, unknown>> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of body as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > maxResponseBytes) throw new Error(`Vault returned more than ${maxResponseBytes} bytes`);
    pieces.push(piece);
  }
  try {
    const value: unknown = JSON.parse(Buffer.concat(pieces).toString('utf8'));
    return isJsonMap(value) ? value : {};
  } catch {
    return {};
  }
}

/** The same response as for an unavailable database, which stock agents retry (v1 contract, section 0). */
function storeUnavailable(cause: unknown): ApiError {
  return new ApiError(commonErrors.unavailable, {
    message: 'The secrets store is not available, try again',
    headers: { 'Retry-After': '1' },
    cause,
  });
}

/** Returns the first two parts of a path, such as `secret/data`. The rest names a client and its secret. */
function presentMountAndKind(path: string): string {
  return path.split('/', 2).join('/');
}

/** Node's error for failed connections to several addresses has a code, but no message. */
function presentCause(error: Error & { code?: unknown }): string {
  return error.message || String(error.code ?? error.name);
}
