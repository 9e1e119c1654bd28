import type { Reply } from '../http/reply.js';
import type { RouteRequest } from '../http/route.js';
import { type PageProps, renderPage } from './document.js';
import { httpsOnlyHeader, pageHeaders } from './page-headers.js';
import { describeViewer } from './viewer.js';

/**
 * Returns a response with a page.
 * @param request its header shows the principal, if there is one
 * @param options.headers more headers, such as cookies
 */
export function presentPage(
  { origin, principal }: Pick<RouteRequest, 'origin'> & Partial<Pick<RouteRequest, 'principal'>>,
  props: Omit<PageProps, 'basePath'>,
  { status = 200, headers = {} }: { status?: number; headers?: NonNullable<Reply['headers']> } = {},
): Reply {
  return {
    status,
    body: renderPage({
      viewer: principal && describeViewer(principal),
      ...props,
      basePath: origin.basePath,
    }),
    type: 'text/html; charset=utf-8',
    headers: { ...pageHeaders, ...(origin.isHttps && httpsOnlyHeader), ...headers },
  };
}

/** Returns a redirect that no cache stores: 302, or 303 after a form. */
export function redirect(location: string, headers: Reply['headers'] = {}, status: 302 | 303 = 302): Reply {
  return { status, headers: { Location: location, 'Cache-Control': 'no-store', ...headers } };
}
