import type { Core } from '../core/core.js';
import type { Reply } from '../http/reply.js';
import { type AnyRoute, routesOf } from '../http/route.js';
import { type PageFile, presentPageFile } from './page-file.js';

/**
 * Declares the route of one file that pages load; anybody may read it.
 * @param read returns the file
 * @param accessBy returns who may read it under these settings, if not anybody
 */
export function fileRoute<D = Core>(
  path: string,
  type: NonNullable<Reply['type']>,
  read: () => PageFile | Promise<PageFile>,
  accessBy?: NonNullable<AnyRoute<D>['accessBy']>,
): AnyRoute<D> {
  return routesOf<D>()({
    method: 'GET',
    path,
    family: 'own',
    summary: 'Get a file of a page',
    access: 'public',
    ...(accessBy && { accessBy }),
    audit: { none: 'a read changes nothing' },
    headers: { 'if-none-match': "The `ETag` of the client's copy." },
    answers: {
      200: { description: 'The file.', content: { file: type } },
      304: { description: "The client's copy is current.", content: 'none' },
    },
    handle: async (_deps, request) => presentPageFile(await read(), type, request),
  });
}
