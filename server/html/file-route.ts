import type { Core } from '../core/core.js';
import type { Reply } from '../http/reply.js';
import { type AnyRoute, routesOf } from '../http/route.js';
import { type PageFile, presentPageFile } from './page-file.js';

const route = routesOf<Core>();

/** Declares the route of one file that pages load. @param read returns the file */
export function fileRoute(
  path: string,
  type: NonNullable<Reply['type']>,
  read: () => PageFile | Promise<PageFile>,
): AnyRoute<Core> {
  return route({
    method: 'GET',
    path,
    family: 'own',
    summary: 'Get a file of a page',
    access: 'public',
    audit: { none: 'a read changes nothing' },
    headers: { 'if-none-match': "The `ETag` of the client's copy." },
    answers: {
      200: { description: 'The file.', content: { file: type } },
      304: { description: "The client's copy is current.", content: 'none' },
    },
    handle: async (_deps, request) => presentPageFile(await read(), type, request),
  });
}
