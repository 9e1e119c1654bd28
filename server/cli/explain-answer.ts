import { CliError, RefusedError } from './cli-error.js';
import type { Answer } from './answer.js';
import type { Connection } from './find-connection.js';

const reasons: Record<string, string> = {
  ECONNREFUSED: 'connection refused',
  ENOENT: 'there is no such socket',
  EACCES: 'this user may not use the socket',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'its name cannot be looked up',
  ECONNRESET: 'connection cut',
  UND_ERR_SOCKET: 'connection cut',
  UND_ERR_CONNECT_TIMEOUT: 'no connection in time',
};

/** The error for a request that got no answer: what happened, and what to do. */
export function explainNoAnswer(error: Error, { server }: Connection, limitSeconds: number): CliError {
  if (error.name === 'TimeoutError') {
    return new CliError(
      `${server.text} gave no answer within ${limitSeconds} s: look at the log of the server`,
    );
  }
  const { code } = error as NodeJS.ErrnoException;
  if (code?.startsWith('HPE_')) return explainNoQueuepass({ server });
  if (/CERT|SELF_SIGNED|VERIFY/.test(code ?? '')) {
    return new CliError(
      `the certificate of ${server.text} is not trusted (${code}): name its authority's file in NODE_EXTRA_CA_CERTS`,
    );
  }
  const reason = reasons[code ?? ''] ?? error.message;
  return new CliError(
    `no answer from ${server.text} (${reason}): is it running? Start one with npm start, or name another with --server URL or QUEUEPASS_SERVER`,
  );
}

/** The error for an answer that Queuepass does not give. */
export function explainNoQueuepass({ server }: Pick<Connection, 'server'>, status?: number): CliError {
  const told = status === undefined ? '' : ` (HTTP ${status})`;
  return new CliError(
    `what answers at ${server.text} is no Queuepass${told}: check --server; with a BASE_PATH it is http://host:port/path`,
  );
}

/** The error for an answer other than success: what the server said, and the next step where one is known. */
export function explainRefusal(answer: Answer, connection: Connection): CliError {
  const { status } = answer;
  const { clientId, source } = connection.credentials;
  const said = findMessage(answer);
  if (said === undefined) return explainNoQueuepass(connection, status);
  if (status === 401) {
    return new RefusedError(
      status,
      `${connection.server.text} does not accept the client ${clientId} with the key from ${source} (${said}): name another with --client-id and --client-key-file`,
    );
  }
  if (status === 403) {
    return new RefusedError(
      status,
      `${said}: the client ${clientId} may not do that, name one that may with --client-id and --client-key-file`,
    );
  }
  if (status === 429 || status === 503) {
    const seconds = String(answer.headers['retry-after'] ?? 'some');
    return new RefusedError(status, `${said.replace(/, try again$/, '')}: try again in ${seconds} s`);
  }
  if (status >= 500) return new RefusedError(status, `${said}: look at the log of the server`);
  return new RefusedError(status, said);
}

/** What an error body says, on one line; `undefined` for a body that Queuepass does not write. */
function findMessage({ status, text, headers }: Answer): string | undefined {
  const type = String(headers['content-type'] ?? '');
  // The token routes answer 401 as plain text, and some routes of jobs 400 and 410.
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

/** `{json: {email: ["Not a ..."]}}` as `email: Not a ...`. */
function listReasons(detail: unknown, path: string[]): string[] {
  if (Array.isArray(detail)) return [`${path.slice(1).join('.')}: ${detail.join(' ')}`];
  if (typeof detail !== 'object' || detail === null) return [];
  return Object.entries(detail).flatMap(([field, inner]) => listReasons(inner, [...path, field]));
}

function oneLine(text: string): string {
  return text.trim().replaceAll(/\s+/g, ' ');
}
