import type { AnyRoute } from '../../server/http/route.js';
import { presentOrigin, presentTable } from './markdown.js';

/** The page of all routes. */
export function presentApiPage(routes: readonly AnyRoute[]): string {
  const rows = routes.map((route) => [
    `\`${route.method} ${route.path}\``,
    route.summary,
    presentAccess(route),
    route.family === 'own' ? 'Queuepass' : 'Testflinger v1',
  ]);
  return `${presentOrigin('server/routes.ts')}
# Routes

The whole contract, with bodies and answers, is in [openapi.json](openapi.json), which a running server serves at
\`/openapi.json\`, and at \`/docs\` as a page to read and to try out: *Authorize* takes an access token, which is forgotten
when the page is closed. Errors are in [errors.md](errors.md).

${presentTable(['route', 'does', 'who', 'contract'], rows)}
`;
}

function presentAccess({ access }: AnyRoute): string {
  if (access === 'public') return 'anybody';
  return access.roles.join(', ') + (access.orOwnClientKey ? '; the client itself, by its key' : '');
}
