import type { Dispatcher } from 'undici';
import type { ApiResponse } from './api-response.js';
import { CliError } from './cli-error.js';
import { exchange } from './exchange.js';
import { explainNotQueuepass, explainRefusal } from './explain-response.js';
import type { Connection } from './find-connection.js';

/** Options of a request to the server. */
export interface ApiRequest {
  body?: object;
  /** Authenticate with the client key instead of an access token, as a client must for its own keys. */
  withKey?: boolean;
  /** The response is plain text. */
  asText?: boolean;
}

/** Sends requests to one server as one client. The first request also gets an access token for the client. */
export class ApiClient {
  #accessToken: string | undefined;

  constructor(readonly connection: Connection) {}

  /**
   * Sends a request. Returns the parsed JSON of the response, its text with `asText`, or `undefined` if it is not JSON.
   * @throws RefusedError if the server returns an error, CliError if there is no response or it is not from Queuepass
   */
  async send(method: Dispatcher.HttpMethod, path: string, request: ApiRequest = {}): Promise<unknown> {
    const credentials = request.withKey
      ? { 'client-key': this.connection.credentials.clientKey }
      : { authorization: `Bearer ${await this.getAccessToken()}` };
    const response = await exchange(this.connection, {
      method,
      path,
      headers: credentials,
      body: request.body,
    });
    if (response.status > 299) throw explainRefusal(response, this.connection);
    if (request.asText) return response.text;
    if (!String(response.headers['content-type']).startsWith('application/json')) return undefined;
    return readJson(response, this.connection);
  }

  /** Sends a request whose response is an object with these fields. @throws as `send` */
  async getFields<F extends string>(
    fields: readonly F[],
    method: Dispatcher.HttpMethod,
    path: string,
    request: ApiRequest = {},
  ): Promise<Record<F, unknown>> {
    const value = await this.send(method, path, request);
    if (typeof value === 'object' && value !== null && fields.every((field) => field in value)) {
      return value as Record<F, unknown>;
    }
    throw explainNotQueuepass(this.connection);
  }

  /** Sends a request whose response is a list of objects. @throws as `send` */
  async getList<T extends object>(path: string, request: ApiRequest = {}): Promise<T[]> {
    const value = await this.send('GET', path, request);
    if (Array.isArray(value) && value.every((item) => typeof item === 'object' && item !== null))
      return value;
    throw explainNotQueuepass(this.connection);
  }

  /** Gets an access token for the client; every call returns the same one. @throws as `send` */
  async getAccessToken(): Promise<string> {
    this.#accessToken ??= await this.#login();
    return this.#accessToken;
  }

  async #login(): Promise<string> {
    const { clientId, clientKey } = this.connection.credentials;
    // A header can carry only ASCII. Other keys are sent as HTTP Basic, which also creates a refresh token that nobody
    // uses.
    const isPlain = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(clientKey);
    const basic = Buffer.from(`${clientId}:${clientKey}`).toString('base64');
    const response = isPlain
      ? await exchange(this.connection, {
          method: 'GET',
          path: `/v1/authenticate/token/${encodeURIComponent(clientId)}`,
          headers: { 'client-key': clientKey },
        })
      : await exchange(this.connection, {
          method: 'POST',
          path: '/v1/oauth2/token',
          headers: { authorization: `Basic ${basic}` },
        });
    if (response.status !== 200) throw explainRefusal(response, this.connection);
    const answer = isPlain
      ? response.text
      : (readJson(response, this.connection) as { access_token?: unknown });
    const text = typeof answer === 'string' ? answer : String(answer?.access_token);
    if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(text)) throw explainNotQueuepass(this.connection);
    return text;
  }
}

function readJson({ text }: ApiResponse, connection: Connection): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw explainNotQueuepass(connection);
  }
}

/**
 * Builds a path and escapes its variable parts: ``pathOf`/v1/client-permissions/${id}` ``.
 * @throws CliError if a part is empty, `.` or `..`
 */
export function pathOf(parts: TemplateStringsArray, ...values: string[]): string {
  for (const value of values) {
    if (value === '' || value === '.' || value === '..')
      throw new CliError(`"${value}" is not a valid id or name`);
  }
  return String.raw({ raw: parts.raw }, ...values.map(encodeURIComponent));
}
