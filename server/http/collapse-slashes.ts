import { literalPrefix } from './prefix-table.js';
import type { AnyRoute } from './route.js';

/**
 * Creates the function that replaces repeated slashes in a path by one, since stock clients join an address that ends
 * with a slash and a path that begins with one. A parameter that can contain slashes keeps its own.
 */
export function createSlashCollapser(
  basePath: string,
  routes: readonly Pick<AnyRoute, 'path' | 'wildcard'>[],
): (path: string) => string {
  const wildcards = routes
    .filter(({ wildcard }) => wildcard)
    .map(({ path }) => ({
      prefix: `${basePath}${literalPrefix(path)}/`,
      head: new RegExp(`^(?:/+[^/]+){${(basePath + path).split('/').length - 2}}/`),
    }));
  return (path) => {
    const collapsed = path.replaceAll(/\/{2,}/g, '/');
    const head = wildcards.find(({ prefix }) => collapsed.startsWith(prefix))?.head.exec(path)?.[0];
    return head === undefined ? collapsed : head.replaceAll(/\/{2,}/g, '/') + path.slice(head.length);
  };
}
