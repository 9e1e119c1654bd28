import { TransformStream } from 'node:stream/web';

/** Maximum bytes of any response of the provider: more than the 4 MiB of its API that are passed on. */
const maxBytes = 5 * 1024 * 1024;

/** Returns a response of the provider whose body fails after 5 MiB, so that no response can fill the memory. */
export function limitBody(response: Response): Response {
  if (response.body === null) return response;
  let length = 0;
  const limit = new TransformStream<Uint8Array, Uint8Array>({
    transform(part, controller) {
      length += part.length;
      if (length > maxBytes) throw new Error('the response of the provider is too large');
      controller.enqueue(part);
    },
  });
  const { status, statusText, headers } = response;
  return new Response(response.body.pipeThrough(limit as never), { status, statusText, headers });
}
