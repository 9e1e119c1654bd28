import { indexTable } from '../../server/areas.js';
import { secretsCollectionNames, secretsIndexes } from '../../server/secrets/secrets-indexes.js';
import { presentOrigin, presentTable } from './markdown.js';

/** Returns the page of all indexes. */
export function presentIndexesPage(): string {
  const rows = indexTable.map(({ collectionName, name, keys, options, serves }) => [
    `\`${collectionName}\``,
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
  return `${presentOrigin('the collections.ts of each area')}
# Collections and indexes

These are the indexes that the server needs, and the queries that each of them serves. The server creates missing indexes when
it starts. If an index with the same keys and options exists under another name, for example from a Testflinger server, the
server uses that one. The server never changes an index. It drops only its own indexes (\`qp_\`), when a newer
index replaces them. An index with \`expireAfterSeconds\` makes MongoDB delete each document that many seconds after the time in
its field.

${presentTable(['collection', 'index', 'keys', 'options', 'used for'], rows)}

The server creates the indexes of the secrets with the first secret of a client, and the index of the key vault with the data
key:

${presentTable(['collection', 'index', 'keys', 'options', 'used for'], ofSecrets)}
`;
}
