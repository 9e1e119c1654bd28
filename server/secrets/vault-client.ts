import { commonErrors } from '../errors/common-errors.js';
import { Agent, type Dispatcher, EnvHttpProxyAgent, request } from 'undici';
import type { CoreSettings } from '../core/core.js';
import { StartError } from '../errors/start-error.js';
import { ApiError } from '../errors/api-error.js';
import { isJsonMap } from '../schema/set-own.js';

/** What Vault answered. */
export interface VaultAnswer {
  status: number;
  /** Empty when it was no JSON object. */
  body: Record<string, unknown>;
}

/** Milliseconds that Vault has for one answer: several fit into the time of one request. */
const answerWithinMs = 3000;

/** Bytes of an answer that are read: a secret is at most 1 MiB of text, up to six times that as escaped JSON. */
const largestAnswer = 8 * 1024 * 1024;

/** Speaks HashiCorp Vault's HTTP API with one token; neither token nor values are part of any error. */
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
   * @throws ApiError 503 when Vault is not reachable, is sealed or too busy.
   */
  async send(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<VaultAnswer> {
    let answer: VaultAnswer;
    try {
      answer = await this.#exchange(method, path, body);
    } catch (cause) {
      throw storeIsAway(cause);
    }
    if ([429, 472, 473, 502, 503, 504].includes(answer.status)) {
      throw storeIsAway(new Error(`Vault answers ${answer.status} to ${method} ${firstPart(path)}`));
    }
    return answer;
  }

  /** @throws StartError when Vault cannot be reached, is sealed, or refuses the token. */
  async checkToken(): Promise<void> {
    const where = `the Vault of TESTFLINGER_VAULT_URL (${new URL(this.url).origin})`;
    let answer: VaultAnswer;
    try {
      answer = await this.send('GET', 'auth/token/lookup-self');
    } catch (error) {
      const { cause } = error as Error;
      throw new StartError(
        `${where} cannot be used: ${cause instanceof Error ? presentCause(cause) : 'no answer'}`,
      );
    }
    if (answer.status === 200) return;
    if (answer.status === 403) throw new StartError(`${where} refuses TESTFLINGER_VAULT_TOKEN`);
    throw new StartError(`${where} answers ${answer.status} instead of looking up its token`);
  }

  async close(): Promise<void> {
    await this.#dispatcher.destroy();
  }

  async #exchange(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<VaultAnswer> {
    const response = await request(`${this.url.replace(/\/+$/, '')}/v1/${path}`, {
      method,
      dispatcher: this.#dispatcher,
      signal: AbortSignal.timeout(answerWithinMs),
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

/** What is not given is stated as empty, since undici would look it up in the environment. */
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
    if (size > largestAnswer) throw new Error(`Vault answers more than ${largestAnswer} bytes`);
    pieces.push(piece);
  }
  try {
    const value: unknown = JSON.parse(Buffer.concat(pieces).toString('utf8'));
    return isJsonMap(value) ? value : {};
  } catch {
    return {};
  }
}

/** The same answer as for a database that is away: stock agents try again (v1 contract, section 0). */
function storeIsAway(cause: unknown): ApiError {
  return new ApiError(commonErrors.unavailable, {
    message: 'The secrets store is not available, try again',
    headers: { 'Retry-After': '1' },
    cause,
  });
}

/** The mount of a path and what is done there; never the rest, which names a client and its secret. */
function firstPart(path: string): string {
  return path.split('/', 2).join('/');
}

/** Node puts the reason of a failed connection to several addresses into a list without a text of its own. */
function presentCause(error: Error & { code?: unknown }): string {
  return error.message || String(error.code ?? error.name);
}
