import { openCollections } from '../../server/db/collections.js';
import { indexes } from '../../server/db/indexes.js';
import { secretsCollectionNames, secretsIndexes } from '../../server/secrets/secrets-indexes.js';
import { presentOrigin, presentTable } from './markdown.js';

/** Returns the page of all indexes. */
export function presentIndexesPage(): string {
  // This reads only the names of the collections and opens no database.
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

These are the indexes that the server needs, and the queries that each of them serves. The server creates missing indexes when
it starts. If an index with the same keys and options exists under another name, for example from a Testflinger server, the
server uses that one. The server never drops or changes an index. An index with \`expireAfterSeconds\` makes MongoDB delete
each document that many seconds after the time in its field.

${presentTable(['collection', 'index', 'keys', 'options', 'used for'], rows)}

The server creates the indexes of the secrets with the first secret of a client, and the index of the key vault with the data
key:

${presentTable(['collection', 'index', 'keys', 'options', 'used for'], ofSecrets)}
`;
}
