import { type ErrorCode, errorKinds } from '../../server/errors/api-error.js';
import { presentOrigin, presentTable } from './markdown.js';

/** The page of all errors. */
export function presentErrorsPage(): string {
  const codes = Object.keys(errorKinds) as ErrorCode[];
  const rows = codes.map((code) => {
    const kind = errorKinds[code];
    const message = 'message' in kind ? kind.message : '(has values in it)';
    return [String(kind.status), message, kind.shape, `\`${code}\``];
  });
  rows.sort(([a = ''], [b = '']) => a.localeCompare(b));
  return `${presentOrigin('server/errors/api-error.ts')}
# Errors

Shapes of bodies: \`json\` is \`{"message": ..., "detail": {...}}\` (with \`request_id\` on the routes that Testflinger does
not have), \`oauth\` is \`{"error": ...}\`, \`text\` and \`line\` are the message as plain text, without and with a line end.
Every answer has the header \`X-Request-Id\`; the server's log line of the request has the same id. 429 and 503 tell in
\`Retry-After\` how many seconds to wait.

${presentTable(['status', 'message', 'shape', 'code in the source'], rows)}
`;
}
