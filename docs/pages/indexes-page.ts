import { openCollections } from '../../server/db/collections.js';
import { indexes } from '../../server/db/indexes.js';
import { secretsCollectionNames, secretsIndexes } from '../../server/secrets/secrets-indexes.js';
import { presentOrigin, presentTable } from './markdown.js';

/** The page of all indexes. */
export function presentIndexesPage(): string {
  // Only the names are asked for: no database is opened.
  const names = openCollections({ collection: (name: string) => name } as never) as unknown as Record<
    string,
    string
  >;
  const rows = indexes.map(({ collection, name, keys, options, serves }) => [
    `\`${names[collection]}\``,
    `\`${name}\``,
    `\`${JSON.stringify(keys)}\``,
    options ? `\`${JSON.stringify(options)}\`` : '',
    serves,
  ]);
  const ofSecrets = secretsIndexes.map(({ collection, name, keys, options, serves }) => [
    `\`${secretsCollectionNames[collection]}\``,
    `\`${name}\``,
    `\`${JSON.stringify(keys)}\``,
    `\`${JSON.stringify(options)}\``,
    serves,
  ]);
  return `${presentOrigin('server/db/indexes.ts')}
# Collections and indexes

Indexes are made at the start when they are missing. One with the same keys and options under another name, such as a
Testflinger server's, is used as it is; none is ever dropped or changed. \`expireAfterSeconds\` is in seconds.

${presentTable(['collection', 'index', 'keys', 'options', 'serves'], rows)}

Those of the secrets are made with the first secret of a client, and that of the key vault with the data key:

${presentTable(['collection', 'index', 'keys', 'options', 'serves'], ofSecrets)}
`;
}
