import { setting, type ValuesOf } from '../config/setting-row.js';
import { asBoolean } from '../config/setting-types.js';
import type { Access } from '../http/route.js';
import { roleGroups } from '../principal/roles.js';

const rows = {
  docsPublic: setting(
    'DOCS_PUBLIC',
    asBoolean,
    'true',
    'Whether anybody can read `/docs` and `/openapi.json`; `false` means only people who are signed in, and clients with an access token.',
  ),
};

/** The settings of the API page. */
export type ApiPageSettings = ValuesOf<typeof rows>;

/** The rows of these settings. */
export const apiPageSettings = { rows };

/** Returns who may read the page and its files while they are not public. */
export function findDocsAccess({ config }: { config: ApiPageSettings }): Access | undefined {
  return config.docsPublic ? undefined : { roles: roleGroups.everyRole, refusesAnonymous: true };
}
