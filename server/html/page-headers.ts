/**
 * The headers of every page. The policy allows only scripts and styles in files of this server, none inline, no requests to
 * other hosts, and no frame around a page (CSP Level 3).
 */
export const pageHeaders = {
  'Content-Security-Policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "font-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ].join('; '),
  'Referrer-Policy': 'same-origin',
  'Cache-Control': 'no-store',
};

/** The header that makes browsers use https for this host for a year (RFC 6797). */
export const httpsOnlyHeader = { 'Strict-Transport-Security': 'max-age=31536000' };
