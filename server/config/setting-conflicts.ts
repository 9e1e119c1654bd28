import type { Config } from './config.js';
import { checkMongodbUri, findMongodbUri } from '../db/connect.js';

const howToMakeAKey = 'make one with: openssl rand -base64 48';

/** Bytes that a signing key has at least (RFC 7518 section 3.2: as long as the hash). */
export const signingKeyBytes = 32;

/** The name of a setting, and what is wrong with it in the light of the others. */
type Problem = [name: string, problem: string];

/** What is wrong with settings that are each right by themselves. */
export function listConflicts(config: Config, options: { signingKeyRequired: boolean }): Problem[] {
  return [
    ...listKeyProblems(config, options.signingKeyRequired),
    ...listMongodbProblems(config),
    ...listVaultProblems(config),
    ...listWorkerProblems(config),
  ];
}

function listKeyProblems(config: Config, isRequired: boolean): Problem[] {
  const key = config.jwtSigningKey;
  if (key === undefined) {
    if (config.embedded || !isRequired) return [];
    return [['JWT_SIGNING_KEY', `is required with a MongoDB of your own; ${howToMakeAKey}`]];
  }
  if (!isRequired || Buffer.byteLength(key) >= signingKeyBytes || config.jwtAllowShortKey) return [];
  const ways = `${howToMakeAKey}, or set JWT_ALLOW_SHORT_KEY=true to keep it for now`;
  return [['JWT_SIGNING_KEY', `is under ${signingKeyBytes} bytes; ${ways}`]];
}

function listMongodbProblems(config: Config): Problem[] {
  if (config.mongodbUri !== undefined) {
    const problem = checkMongodbUri(config.mongodbUri);
    return problem === undefined ? [] : [['MONGODB_URI', problem]];
  }
  const { mongodbUsername: user, mongodbPassword: password, mongodbHost: host } = config;
  const problems: Problem[] = [];
  if (host === undefined && (user ?? password) !== undefined) {
    // Else the embedded MongoDB would start, and whoever set these would look for their data.
    problems.push(['MONGODB_HOST', 'is missing, while MONGODB_USERNAME or MONGODB_PASSWORD is given']);
  }
  if (user === undefined && password !== undefined) problems.push(['MONGODB_USERNAME', noOther('PASSWORD')]);
  if (user !== undefined && password === undefined) problems.push(['MONGODB_PASSWORD', noOther('USERNAME')]);
  const uri = findMongodbUri(config);
  const unusable = uri === undefined ? undefined : checkMongodbUri(uri);
  if (unusable !== undefined) problems.push(['MONGODB_HOST', unusable]);
  return problems;
}

/** Without its token the secrets would silently go to MongoDB, or nowhere. */
function listVaultProblems({ vaultUrl, vaultToken }: Config): Problem[] {
  if (vaultUrl === undefined || vaultToken !== undefined) return [];
  return [['TESTFLINGER_VAULT_TOKEN', 'is missing, while TESTFLINGER_VAULT_URL is given']];
}

/** The first process accepts ahead of its workers, so that at the end a POST behind a proxy would be cut and not be sent again. */
function listWorkerProblems({ workers, listen }: Config): Problem[] {
  if (workers === 1 || 'host' in listen) return [];
  return [
    [
      'WORKERS',
      'over 1 needs a TCP port: on sockets run several instances, each on its own (queuepass@1, queuepass@2)',
    ],
  ];
}

function noOther(part: string): string {
  return `is missing, while MONGODB_${part} is given`;
}
