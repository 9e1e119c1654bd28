import type { Core } from '../core/core.js';
import { ApiError } from '../errors/api-error.js';
import { isTimeout } from '../http/outbound.js';
import type { Reply } from '../http/reply.js';
import { peopleErrors } from './errors.js';
import type { PeopleServices } from './services.js';

/** Maximum bytes of a response that is passed on. */
const maxBytes = 4 * 1024 * 1024;

/** The headers of foreign bytes on this server's origin: no browser shows them as a page of it. */
const foreignHeaders = { 'Cache-Control': 'no-store', 'Content-Security-Policy': 'sandbox' };

/**
 * Returns the URL of the provider's API that a request means: the path after `/auth/api`, on the issuer's own host, with the query.
 * @param target the path and query as sent
 * @throws ApiError 404 for a path that the settings do not allow, in whatever spelling
 */
export function readApiUrl(
  { oidcApiPaths, oidcProviderIssuer = '' }: PeopleServices['config'],
  target: string,
): URL {
  const sent = /^[^?#]*?\/auth\/api(\/[^?#]*)(\?[^#]*)?/.exec(target);
  const [, path = '', query = ''] = sent ?? [];
  const isAllowed = (text: string) =>
    !/\.\.|\\|\/\/|@/.test(text) &&
    oidcApiPaths.some((allowed) => text === allowed || text.startsWith(`${allowed}/`));
  const { origin } = new URL(oidcProviderIssuer);
  const isPath = listDecodings(path)?.every(isAllowed) ?? false;
  // A parser that changes the path would call another one than was checked.
  if (!isPath || !URL.canParse(origin + path) || new URL(origin + path).pathname !== path)
    throw new ApiError(peopleErrors.apiPathUnknown);
  return new URL(origin + path + query);
}

/** Returns a path as sent and each of its decodings, since the provider may decode once more; `undefined` if it cannot be decoded. */
function listDecodings(path: string): string[] | undefined {
  const texts = [path];
  try {
    for (let text = path; texts.length < 5; ) {
      const decoded = decodeURIComponent(text);
      if (decoded === text) return texts;
      texts.push(decoded);
      text = decoded;
    }
  } catch {
    // A percent sign that begins no code.
  }
  return undefined;
}

/**
 * Reads a URL of the provider's API with an access token. Neither cookies nor other headers of the provider pass.
 * @throws ApiError 502 for anything but JSON of at most 4 MiB, 504 if it takes more than 5 s
 */
export async function fetchProviderApi(
  { provider }: Core & Pick<PeopleServices, 'provider'>,
  url: URL,
  token: string,
): Promise<Reply> {
  const headers = { authorization: `Bearer ${token}`, accept: 'application/json' };
  try {
    const response = await provider.fetch(url, { headers });
    const type = response.headers.get('content-type')?.split(';')[0]?.trim().toLowerCase();
    const body = type === 'application/json' ? await readLimited(response) : undefined;
    if (body === undefined) {
      await response.body?.cancel().catch(() => undefined);
      throw new ApiError(peopleErrors.apiAnswerInvalid);
    }
    return { status: response.status, body, type: 'application/json', headers: foreignHeaders };
  } catch (cause) {
    if (cause instanceof ApiError) throw cause;
    throw new ApiError(isTimeout(cause) ? peopleErrors.apiTimeout : peopleErrors.providerUnreachable, {
      cause,
    });
  }
}

async function readLimited({ body }: Response): Promise<Buffer | undefined> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of (body ?? []) as AsyncIterable<Uint8Array>) {
    length += part.length;
    if (length > maxBytes) return undefined;
    parts.push(part);
  }
  return Buffer.concat(parts);
}
