import type { Dispatcher } from 'undici';
import { CliError } from './cli-error.js';
import type { Answer } from './answer.js';
import { exchange } from './exchange.js';
import { explainNoQueuepass, explainRefusal } from './explain-answer.js';
import type { Connection } from './find-connection.js';

/** What a command asks of the server besides method and path. */
export interface ApiRequest {
  body?: object;
  /** Present the key itself instead of a pass, as a client does for its own keys. */
  withKey?: boolean;
  /** The answer is plain text. */
  asText?: boolean;
}

/** Speaks to one server as one client; it gets its pass with the first request. */
export class ApiClient {
  #pass: string | undefined;

  constructor(readonly connection: Connection) {}

  /**
   * Sends a request and gives the JSON of its answer, or its text, or `undefined` for an answer that is none.
   * @throws RefusedError for an answer other than success, CliError when there is none or it is no Queuepass's.
   */
  async send(method: Dispatcher.HttpMethod, path: string, request: ApiRequest = {}): Promise<unknown> {
    const credentials = request.withKey
      ? { 'client-key': this.connection.credentials.clientKey }
      : { authorization: `Bearer ${await this.getPass()}` };
    const answer = await exchange(this.connection, {
      method,
      path,
      headers: credentials,
      body: request.body,
    });
    if (answer.status > 299) throw explainRefusal(answer, this.connection);
    if (request.asText) return answer.text;
    if (!String(answer.headers['content-type']).startsWith('application/json')) return undefined;
    return readJson(answer, this.connection);
  }

  /** Sends a request whose answer is an object with these fields. @throws as `send` */
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
    throw explainNoQueuepass(this.connection);
  }

  /** Sends a request whose answer is a list of objects. @throws as `send` */
  async getList<T extends object>(path: string, request: ApiRequest = {}): Promise<T[]> {
    const value = await this.send('GET', path, request);
    if (Array.isArray(value) && value.every((item) => typeof item === 'object' && item !== null))
      return value;
    throw explainNoQueuepass(this.connection);
  }

  /** A pass for the client, the same one each time. @throws as `send` */
  async getPass(): Promise<string> {
    this.#pass ??= await this.#login();
    return this.#pass;
  }

  async #login(): Promise<string> {
    const { clientId, clientKey } = this.connection.credentials;
    // A header holds ASCII only; other keys go as HTTP Basic, which makes a refresh token that nobody uses.
    const isPlain = /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(clientKey);
    const basic = Buffer.from(`${clientId}:${clientKey}`).toString('base64');
    const answer = isPlain
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
    if (answer.status !== 200) throw explainRefusal(answer, this.connection);
    const pass = isPlain ? answer.text : (readJson(answer, this.connection) as { access_token?: unknown });
    const text = typeof pass === 'string' ? pass : String(pass?.access_token);
    if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(text)) throw explainNoQueuepass(this.connection);
    return text;
  }
}

function readJson({ text }: Answer, connection: Connection): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw explainNoQueuepass(connection);
  }
}

/** A path with its variable parts escaped: ``pathOf`/v1/client-permissions/${id}` ``. @throws CliError for `.` and `..` */
export function pathOf(parts: TemplateStringsArray, ...values: string[]): string {
  for (const value of values) {
    if (value === '' || value === '.' || value === '..') throw new CliError(`"${value}" is no id or name`);
  }
  return String.raw({ raw: parts.raw }, ...values.map(encodeURIComponent));
}
