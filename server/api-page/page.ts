/**
 * The HTML of the API page. Its links are relative to the path without a trailing slash, so that they work under a base
 * path and behind a proxy that removes a prefix.
 */
export const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Queuepass API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
<script src="docs/swagger-ui-bundle.js" defer></script>
<script src="docs/start.js" type="module"></script>
</head>
<body>
<noscript>
<p>This page needs JavaScript. <a href="openapi.json">openapi.json</a> describes the same API, and
docs/reference/api.md in Queuepass's source lists its routes.</p>
</noscript>
<div id="api"></div>
</body>
</html>
`;

/**
 * The `Content-Security-Policy` of the API page. It allows only scripts and styles in files of this server, none inline,
 * and no requests to other hosts. Swagger UI's style sheet contains images as `data:` URLs.
 */
export const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
  "form-action 'none'",
].join('; ');
