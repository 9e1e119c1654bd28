/**
 * The API page. Its links are relative and start from the path without a slash at the end, so that they hold under a
 * base path and behind a proxy that cuts a prefix.
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
<p>This page needs JavaScript. The same is in <a href="openapi.json">openapi.json</a>, and as a list in
docs/reference/api.md of Queuepass's source.</p>
</noscript>
<div id="api"></div>
</body>
</html>
`;

/**
 * Scripts and styles are the server's own files, none stand in the page, and nothing is asked of another host.
 * Swagger UI has pictures in its style sheet as `data:`.
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
