import { isIPv6 } from 'node:net';
import { MongoClient } from 'mongodb';

/** The settings that make up a connection string. */
interface UriParts {
  mongodbUri: string | undefined;
  mongodbHost: string | undefined;
  mongodbPort: number;
  mongodbUsername: string | undefined;
  mongodbPassword: string | undefined;
  mongodbAuthSource: string;
}

/** Returns the connection string that the settings give, or `undefined` if the embedded MongoDB is used. */
export function findMongodbUri(config: UriParts): string | undefined {
  if (config.mongodbUri !== undefined) return config.mongodbUri;
  if (config.mongodbHost === undefined) return undefined;
  const { mongodbUsername: user, mongodbPassword: password } = config;
  const credentials =
    user === undefined ? '' : `${encodeURIComponent(user)}:${encodeURIComponent(password ?? '')}@`;
  const source = user === undefined ? '' : `?authSource=${encodeURIComponent(config.mongodbAuthSource)}`;
  const host = isIPv6(config.mongodbHost) ? `[${config.mongodbHost}]` : config.mongodbHost;
  return `mongodb://${credentials}${host}:${config.mongodbPort}/${source}`;
}

/**
 * Returns why a connection string cannot be used, as the end of the sentence "MONGODB_URI ...", or `undefined` if it can.
 * Nothing is sent. The driver's message is quoted only if it is about options: other messages repeat parts of the string.
 */
export function checkMongodbUri(uri: string): string | undefined {
  if (!/^mongodb(\+srv)?:\/\//.test(uri)) return 'must begin with mongodb:// or mongodb+srv://';
  try {
    new MongoClient(uri);
    return undefined;
  } catch (error) {
    const optionProblem = /^options? [\w, ]+ (is|are) not supported$/.exec((error as Error).message)?.[0];
    return optionProblem === undefined
      ? 'is not a valid MongoDB connection string (in user name and password, write @ : / % as %40 %3A %2F %25)'
      : `is not valid: ${optionProblem}`;
  }
}
