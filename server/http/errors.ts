import type { ErrorRows } from '../errors/error-row.js';

/** The HTTP errors that only some routes return. */
export const httpErrors = {
  rangeNotSatisfiable: { code: 'range_not_satisfiable', status: 416, message: 'Range Not Satisfiable' },
  bodyTooSlow: {
    code: 'body_too_slow',
    status: 408,
    message: 'The body arrives too slowly: after 30 seconds, it must have sent 16 KiB a second',
  },
  hostNotAllowed: {
    code: 'host_not_allowed',
    status: 421,
    message:
      'This server is not known by the host name in the request: set PUBLIC_URL, ALLOWED_HOSTS or TRUST_PROXY',
    audit: 'host_refused',
  },
  crossSite: {
    code: 'cross_site',
    status: 403,
    message: 'Cross-site request refused',
    audit: 'cross_site_refused',
  },
} as const satisfies ErrorRows;
