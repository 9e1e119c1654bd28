import { type AnyRoute, rolesOf, schemesOf } from '../../server/http/route.js';
import { presentOrigin, presentTable } from './markdown.js';

/** Returns the page of all routes. */
export function presentApiPage(routes: readonly AnyRoute[]): string {
  const rows = routes.map((route) => [
    `\`${route.method} ${route.path}\``,
    route.summary,
    presentAccess(route),
    route.family === 'v1' ? 'Testflinger v1' : 'Queuepass',
  ]);
  return `${presentOrigin('the routes.ts of each area')}
# Routes

Look up a route here, or try it out on the page that a running server shows at \`/docs\`. *Authorize* on that page takes an
access token, which the page forgets when you close it. [openapi.json](openapi.json) describes every route in full, with
request and response bodies. A running server serves it at \`/openapi.json\`. Errors are in [errors.md](errors.md).

${presentTable(['route', 'summary', 'who can call it', 'API'], rows)}
`;
}

function presentAccess(route: AnyRoute): string {
  const roles = rolesOf(route);
  if (roles.length === 0) return 'anyone';
  return (
    roles.join(', ') + (schemesOf(route).includes('clientKey') ? '; the client itself, with its key' : '')
  );
}
