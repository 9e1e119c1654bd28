import { setTimeout as sleep } from 'node:timers/promises';
import { type Dispatcher, request } from 'undici';
import { CookieJar } from './cookie-jar.js';

/** A response as the actors read it. */
export interface Answer {
  status: number;
  headers: Dispatcher.ResponseData['headers'];
  bytes: Buffer;
  text: string;
  json(): Record<string, unknown>;
}

/** One attempt of a call, as it is sent. */
export interface Try {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  path: string;
  headers: Record<string, string>;
  body: string | Buffer | null;
}

/** The response to one attempt. */
export type TryAnswer = Pick<Dispatcher.ResponseData, 'statusCode' | 'headers'> & { bytes: Buffer };

/** The server's URL, and how the session retries. */
export interface SessionOptions {
  url: string;
  /** Sends every POST twice, like a retry after a lost response. */
  twice?: boolean;
  /** Milliseconds before each retry. The default is the first delays of the stock clients. */
  backoffMs?: readonly number[];
}

/** Statuses after which python-requests' retry adapter sends again, in the stock clients' configuration. */
const retried = [500, 502, 503, 504];

/** The HTTP behaviour that the stock agent and CLI share: python-requests' headers, retries and cookies. */
export class StockSession {
  readonly cookies = new CookieJar();
  accessToken: string | undefined;
  /** The calls so far, in order, as `METHOD path`. */
  readonly calls: string[] = [];

  constructor(readonly options: SessionOptions) {}

  async call(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const json = body === undefined || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    const sent = {
      'user-agent': 'python-requests/2.32.3',
      'accept-encoding': 'gzip, deflate',
      accept: '*/*',
      connection: 'keep-alive',
      ...(this.accessToken && { authorization: `Bearer ${this.accessToken}` }),
      ...(this.cookies.header && { cookie: this.cookies.header }),
      ...(typeof json === 'string' && { 'content-type': 'application/json' }),
      ...headers,
    };
    const once = () => this.#send(method, path, sent, json as string | Buffer | undefined);
    if (method === 'POST' && this.options.twice) await once();
    return once();
  }

  async #send(
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    path: string,
    headers: Record<string, string>,
    body?: string | Buffer,
  ) {
    this.calls.push(`${method} ${path}`);
    for (const wait of [...(this.options.backoffMs ?? [0, 600, 1200, 2400, 4800]), undefined]) {
      try {
        const answer = await this.exchange({ method, path, headers, body: body ?? null });
        if (wait === undefined || !retried.includes(answer.statusCode)) return this.#read(answer);
      } catch (error) {
        if (wait === undefined) throw error;
      }
      await this.pause(wait);
    }
    throw new Error('not reached: the last attempt returns or throws');
  }

  /** Makes one attempt. */
  protected async exchange(
    { path, ...sent }: Try,
    through: Pick<Dispatcher.RequestOptions, 'signal'> & { dispatcher?: Dispatcher } = {},
  ): Promise<TryAnswer> {
    const answer = await request(this.options.url + path, { ...sent, ...through });
    return {
      statusCode: answer.statusCode,
      headers: answer.headers,
      bytes: Buffer.from(await answer.body.arrayBuffer()),
    };
  }

  /** Waits before a retry. */
  protected async pause(ms: number): Promise<void> {
    await sleep(ms);
  }

  #read(answer: TryAnswer): Answer {
    this.cookies.read(answer.headers['set-cookie']);
    const text = answer.bytes.toString('utf8');
    return {
      status: answer.statusCode,
      headers: answer.headers,
      bytes: answer.bytes,
      text,
      json: () => JSON.parse(text) as Record<string, unknown>,
    };
  }
}

/** A multipart body with one field `file`, with its length, as python-requests sends it. */
export function multipartFile(
  content: Buffer,
  name: string,
  type: string,
): { body: Buffer; headers: Record<string, string> } {
  const boundary = '8f2e51a9c7d84c1f9a3b';
  const head = `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\nContent-Type: ${type}\r\n\r\n`;
  const body = Buffer.concat([Buffer.from(head), content, Buffer.from(`\r\n--${boundary}--\r\n`)]);
  return {
    body,
    headers: {
      'content-type': `multipart/form-data; boundary=${boundary}`,
      'content-length': String(body.length),
    },
  };
}
