import { optional, type SettingProblem, secret, setting, type ValuesOf } from '../config/setting-row.js';
import { asInteger, asText, asUriHost } from '../config/setting-types.js';
import { checkMongodbUri, findMongodbUri } from './mongodb-uri.js';

const rows = {
  mongodbUri: secret(
    'MONGODB_URI',
    asText,
    'Connection string of MongoDB; takes precedence over `MONGODB_HOST` and the settings that belong to it.',
  ),
  mongodbHost: optional('MONGODB_HOST', asUriHost, 'Host of MongoDB, if `MONGODB_URI` is not set.'),
  mongodbPort: setting('MONGODB_PORT', asInteger(0, 65535), '27017', 'Port of MongoDB.'),
  mongodbDatabase: setting(
    'MONGODB_DATABASE',
    asText,
    'testflinger_db',
    'Name of the database, unless `MONGODB_URI` names one.',
  ),
  mongodbUsername: optional('MONGODB_USERNAME', asText, 'User name for MongoDB.'),
  mongodbPassword: secret('MONGODB_PASSWORD', asText, 'Password for MongoDB.'),
  mongodbAuthSource: setting(
    'MONGODB_AUTH_SOURCE',
    asText,
    'admin',
    'Database that stores the user of `MONGODB_USERNAME`.',
  ),
  mongodbMaxPoolSize: setting(
    'MONGODB_MAX_POOL_SIZE',
    asInteger(1, 10_000),
    '100',
    'Maximum number of connections that each process, or each worker with `WORKERS`, opens to MongoDB.',
  ),
};

/** The settings of the connection to MongoDB. */
export interface DatabaseSettings extends ValuesOf<typeof rows> {
  /** Whether the embedded MongoDB is started, because the settings name no other. */
  embedded: boolean;
}

/** Settings of the connection to MongoDB. */
export const databaseSettings = {
  rows,
  derive: ({ mongodbUri, mongodbHost }: ValuesOf<typeof rows>, isWrong: (name: string) => boolean) => ({
    embedded:
      mongodbUri === undefined &&
      mongodbHost === undefined &&
      !isWrong('MONGODB_URI') &&
      !isWrong('MONGODB_HOST'),
  }),
  listProblems: listMongodbProblems,
};

function listMongodbProblems(config: DatabaseSettings): SettingProblem[] {
  if (config.mongodbUri !== undefined) {
    const problem = checkMongodbUri(config.mongodbUri);
    return problem === undefined ? [] : [['MONGODB_URI', problem]];
  }
  const { mongodbUsername: user, mongodbPassword: password, mongodbHost: host } = config;
  const problems: SettingProblem[] = [];
  if (host === undefined && (user ?? password) !== undefined) {
    // Otherwise the embedded MongoDB would start, and the operator would not find their data in it.
    problems.push(['MONGODB_HOST', 'is missing, while MONGODB_USERNAME or MONGODB_PASSWORD is given']);
  }
  if (user === undefined && password !== undefined)
    problems.push(['MONGODB_USERNAME', missingBeside('PASSWORD')]);
  if (user !== undefined && password === undefined)
    problems.push(['MONGODB_PASSWORD', missingBeside('USERNAME')]);
  const uri = findMongodbUri(config);
  const unusable = uri === undefined ? undefined : checkMongodbUri(uri);
  if (unusable !== undefined) problems.push(['MONGODB_HOST', unusable]);
  return problems;
}

function missingBeside(part: string): string {
  return `is missing, while MONGODB_${part} is given`;
}
