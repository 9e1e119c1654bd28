import { errorFamilies, errorRows, routes } from '../../server/areas.js';
import type { ErrorRow } from '../../server/errors/error-row.js';
import { nameOfRoute } from '../../server/http/route.js';
import { presentOrigin, presentTable } from './markdown.js';

/** Returns the page of all errors. */
export function presentErrorsPage(): string {
  const rows = errorRows.flatMap(presentRows);
  rows.sort(([a = ''], [b = '']) => a.localeCompare(b));
  return `${presentOrigin('the errors.ts of each area')}
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

/** One row for each way in which the v1 contract presents an error. */
function presentRows(row: ErrorRow): string[][] {
  const v1 = errorFamilies.find(({ name }) => name === 'v1');
  const described = ['', ...routes.map(nameOfRoute)].map((route) => v1?.describe(row, route));
  const distinct = new Map(described.map((one) => [`${one?.shape} ${one?.text}`, one]));
  return [...distinct.values()].map((one) => {
    const hasText = row.message !== undefined;
    return [
      String(row.status),
      hasText ? (one?.text ?? '') : '(varies)',
      one?.shape ?? '',
      `\`${row.code}\``,
    ];
  });
}
