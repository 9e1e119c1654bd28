import type { ApiResponse } from './api-response.js';
import { CliError, ForeignResponseError, RefusedError } from './cli-error.js';
import type { Connection } from './find-connection.js';

const reasons: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  ENOENT: 'no such socket',
  EACCES: 'no permission to use the socket',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the host name could not be resolved',
  ECONNRESET: 'connection closed',
  UND_ERR_SOCKET: 'connection closed',
  UND_ERR_CONNECT_TIMEOUT: 'connection timed out',
};

/** Returns the error for a request without a response: its text says what happened and what to do. */
export function explainNoResponse(error: Error, { server }: Connection, limitSeconds: number): CliError {
  if (error.name === 'TimeoutError') {
    return new CliError(`no response from ${server.text} within ${limitSeconds} s: check the server's log`);
  }
  const { code } = error as NodeJS.ErrnoException;
  if (code?.startsWith('HPE_')) return explainNotQueuepass({ server });
  if (/CERT|SELF_SIGNED|VERIFY/.test(code ?? '')) {
    return new CliError(
      `the certificate of ${server.text} is not trusted (${code}): set NODE_EXTRA_CA_CERTS to the file of its certificate authority`,
    );
  }
  const reason = reasons[code ?? ''] ?? error.message;
  return new CliError(
    `no response from ${server.text} (${reason}): is it running? Start a server with npm start, or name another one with --server URL or QUEUEPASS_SERVER`,
  );
}

/** Returns the error for a response that does not come from Queuepass. */
export function explainNotQueuepass({ server }: Pick<Connection, 'server'>, status?: number): CliError {
  const suffix = status === undefined ? '' : ` (HTTP ${status})`;
  return new ForeignResponseError(
    status,
    `the server at ${server.text} is not Queuepass${suffix}: check --server; with a BASE_PATH it is http://host:port/path`,
  );
}

/** Returns the error for an error response: its text is the server's message, and the next step if one is known. */
export function explainRefusal(response: ApiResponse, connection: Connection): CliError {
  const { status } = response;
  const { clientId, source } = connection.credentials;
  const message = findMessage(response);
  if (message === undefined) return explainNotQueuepass(connection, status);
  if (status === 401) {
    return new RefusedError(
      status,
      `${connection.server.text} does not accept the client ${clientId} with the key from ${source} (${message}): name another client with --client-id and --client-key-file`,
    );
  }
  if (status === 403) {
    return new RefusedError(
      status,
      `${message}: the client ${clientId} may not do that; name a client that may with --client-id and --client-key-file`,
    );
  }
  if (status === 429 || status === 503) {
    const seconds = String(response.headers['retry-after'] ?? 'some');
    return new RefusedError(status, `${message.replace(/, try again$/, '')}: try again in ${seconds} s`);
  }
  if (status >= 500) return new RefusedError(status, `${message}: check the server's log`);
  return new RefusedError(status, message);
}

/** Finds the message in an error body, as one line. Returns `undefined` for a body that Queuepass does not write. */
function findMessage({ status, text, headers }: ApiResponse): string | undefined {
  const type = String(headers['content-type'] ?? '');
  // The token routes return 401 as plain text, and some job routes 400 and 410.
  if (type.startsWith('text/plain') && [400, 401, 410].includes(status) && text.length < 200)
    return oneLine(text);
  try {
    const { message, detail } = JSON.parse(text) as { message?: unknown; detail?: unknown };
    if (typeof message !== 'string') return undefined;
    const fields = listReasons(detail, []);
    return oneLine([message.replace(/^Error: /, ''), ...fields].join('; '));
  } catch {
    return undefined;
  }
}

/** Formats `{json: {email: ["Not a ..."]}}` as `email: Not a ...`. */
function listReasons(detail: unknown, path: string[]): string[] {
  if (Array.isArray(detail)) return [`${path.slice(1).join('.')}: ${detail.join(' ')}`];
  if (typeof detail !== 'object' || detail === null) return [];
  return Object.entries(detail).flatMap(([field, inner]) => listReasons(inner, [...path, field]));
}

function oneLine(text: string): string {
  return text.trim().replaceAll(/\s+/g, ' ');
}
