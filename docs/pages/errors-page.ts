import { type ErrorCode, errorKinds } from '../../server/errors/api-error.js';
import { presentOrigin, presentTable } from './markdown.js';

/** Returns the page of all errors. */
export function presentErrorsPage(): string {
  const codes = Object.keys(errorKinds) as ErrorCode[];
  const rows = codes.map((code) => {
    const kind = errorKinds[code];
    const message = 'message' in kind ? kind.message : '(varies)';
    return [String(kind.status), message, kind.shape, `\`${code}\``];
  });
  rows.sort(([a = ''], [b = '']) => a.localeCompare(b));
  return `${presentOrigin('server/errors/api-error.ts')}
# Errors

Look up an error by its status and message. Every response has the header \`X-Request-Id\`: the server's log line for the
request has the same id. With 429 and 503, the header \`Retry-After\` gives the number of seconds to wait.

The shape is the form of the response body:

- \`json\`: \`{"message": ..., "detail": {...}}\`, and also \`request_id\` on the routes that Testflinger does not have
- \`reasons\`: like \`json\`, but \`message\` is an object that holds the reasons by field
- \`oauth\`: \`{"error": ...}\`
- \`text\`: the message as plain text
- \`line\`: the message as plain text, with a newline at the end

*(varies)* stands for a message that depends on the request.

${presentTable(['status', 'message', 'shape', 'code in the source'], rows)}
`;
}
