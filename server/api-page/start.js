// Runs in the browser, as it stands here: draws the document of the server that the page came from.

// The address of the API as the browser sees it: a proxy may have put a prefix before the base path.
const api = new URL('..', import.meta.url);
const place = document.getElementById('api');

try {
  const response = await fetch(new URL('openapi.json', api));
  if (!response.ok) throw new Error(`openapi.json: ${response.status}`);
  const spec = await response.json();
  spec.servers = [{ url: api.href.replace(/\/$/, '') }];
  window.SwaggerUIBundle({
    spec,
    domNode: place,
    deepLinking: true,
    displayRequestDuration: true,
    // Its own would send the document to a host outside.
    validatorUrl: null,
    // A token is kept no longer than the page is open.
    persistAuthorization: false,
  });
} catch (error) {
  place.textContent = `The page could not be drawn (${error.message}). Is the server up?`;
}
