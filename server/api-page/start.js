// Runs in the browser without a build step: renders the OpenAPI document of the server that sent the page.

// The API's URL as the browser sees it, since a proxy may have added a prefix to the base path.
const api = new URL('..', import.meta.url);
const container = document.getElementById('api');

try {
  const response = await fetch(new URL('openapi.json', api));
  if (!response.ok) throw new Error(`openapi.json: ${response.status}`);
  const spec = await response.json();
  spec.servers = [{ url: api.href.replace(/\/$/, '') }];
  window.SwaggerUIBundle({
    spec,
    domNode: container,
    deepLinking: true,
    displayRequestDuration: true,
    // The default validator would send the document to another host.
    validatorUrl: null,
    // A token must not outlive the open page.
    persistAuthorization: false,
  });
} catch (error) {
  container.textContent = `Could not show the API (${error.message}). Check that the server is running.`;
}
