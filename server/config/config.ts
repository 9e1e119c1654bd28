import { ConfigError } from './config-error.js';
import { listConflicts } from './setting-conflicts.js';
import { asHttpUrl, asMasterKey, asMasterKeyList, asMongodbUri } from '../secrets/secrets-settings.js';
import { readSettingText } from './setting-text.js';
import {
  asBasePath,
  asBoolean,
  asHost,
  asInteger,
  asListenAddress,
  asText,
  asTextList,
  asTrustedProxies,
  asUriHost,
  asWebUrl,
  asWord,
  type ListenAddress,
  type SettingReader,
} from './setting-types.js';

/** One row of the table: the variable's name, how its text is read, its default, and a sentence for the reference page. */
export interface Setting<T> {
  name: string;
  read: SettingReader<T>;
  /** As an operator would write it; `undefined` where there is none. */
  fallback: string | undefined;
  sentence: string;
  /** Never shown; may also come from the file that `NAME_FILE` names. */
  secret: boolean;
  /** Read and checked, so that an existing environment starts, but without effect in this version. */
  later: boolean;
}

function setting<T>(name: string, read: SettingReader<T>, fallback: string, sentence: string): Setting<T> {
  return { name, read, fallback, sentence, secret: false, later: false };
}
function optional<T>(name: string, read: SettingReader<T>, sentence: string): Setting<T | undefined> {
  return { name, read, fallback: undefined, sentence, secret: false, later: false };
}
function secret<T>(name: string, read: SettingReader<T>, sentence: string): Setting<T | undefined> {
  return { ...optional(name, read, sentence), secret: true };
}
function later<T>(row: Setting<T>): Setting<T> {
  return { ...row, later: true };
}

const port = asInteger(0, 65535);

/** Every setting, in the order of the reference page (`docs/reference/config.md` is generated from it). */
export const settings = {
  host: setting('HOST', asHost, '127.0.0.1', 'Address to listen on.'),
  port: setting('PORT', port, '5000', 'TCP port to listen on; 0 takes a free one.'),
  listen: optional(
    'LISTEN',
    asListenAddress,
    '`host:port`, the path of a unix socket, or `systemd` for the socket that systemd passes; goes before `HOST` and `PORT`.',
  ),
  basePath: setting('BASE_PATH', asBasePath, '', 'Path prefix of every route, such as `/queuepass`.'),
  trustProxy: optional(
    'TRUST_PROXY',
    asTrustedProxies,
    'Proxies in front whose `X-Forwarded-For` and `-Proto` are believed: a number of hops, or a list of CIDRs (default 0: none).',
  ),
  enableProxyfix: setting('ENABLE_PROXYFIX', asBoolean, 'false', 'The older form of `TRUST_PROXY=1`.'),
  drainSeconds: setting(
    'DRAIN_SECONDS',
    asInteger(0, 3600),
    '30',
    'Seconds that requests in flight get to end after SIGTERM or Ctrl-C.',
  ),
  keepAliveSeconds: setting(
    'KEEPALIVE',
    asInteger(0, 3600),
    '75',
    'Seconds that a connection without a request is kept; longer than a proxy in front keeps it.',
  ),
  publicUrl: later(optional('PUBLIC_URL', asWebUrl, 'Address by which clients reach the server.')),
  workers: setting(
    'WORKERS',
    asInteger(1, 64),
    '1',
    'Processes that serve on the one address, for a TCP port; also `queuepass serve --workers N`. One for each core, less what MongoDB needs. Each has threads of its own for bcrypt, as many as there are cores, which give way to requests.',
  ),
  logLevel: setting(
    'LOG_LEVEL',
    asWord('debug', 'info', 'warn', 'error', 'silent'),
    'info',
    'Least level that is logged.',
  ),
  dataDir: setting(
    'QUEUEPASS_DATA_DIR',
    asText,
    '.queuepass',
    'Folder of the embedded MongoDB, its keys and the admin key; used when no MongoDB is named.',
  ),
  mongodbUri: secret('MONGODB_URI', asText, 'Connection string of MongoDB; goes before the parts below.'),
  mongodbHost: optional('MONGODB_HOST', asUriHost, 'Host of MongoDB, when there is no `MONGODB_URI`.'),
  mongodbPort: setting('MONGODB_PORT', port, '27017', 'Port of MongoDB.'),
  mongodbDatabase: setting(
    'MONGODB_DATABASE',
    asText,
    'testflinger_db',
    'Database, unless `MONGODB_URI` names one.',
  ),
  mongodbUsername: optional('MONGODB_USERNAME', asText, 'User name at MongoDB.'),
  mongodbPassword: secret('MONGODB_PASSWORD', asText, 'Password at MongoDB.'),
  mongodbAuthSource: setting('MONGODB_AUTH_SOURCE', asText, 'admin', 'Database that holds that user.'),
  mongodbMaxPoolSize: setting(
    'MONGODB_MAX_POOL_SIZE',
    asInteger(1, 10_000),
    '100',
    'Connections to MongoDB at most, of each process: with `WORKERS`, of each worker.',
  ),
  maxUploadMib: setting(
    'MAX_UPLOAD_MIB',
    asInteger(1, 1024 * 1024),
    '10240',
    'MiB that an upload of attachments or an artifact has at most.',
  ),
  jwtSigningKey: secret(
    'JWT_SIGNING_KEY',
    asText,
    'Key that signs access tokens (HS256), 32 bytes or more; required with a MongoDB of your own, made in the data folder else.',
  ),
  jwtPreviousSigningKeys: secret(
    'JWT_PREVIOUS_SIGNING_KEYS',
    asTextList,
    'JSON array of keys that still verify tokens and never sign, for a rotation without an outage.',
  ),
  jwtAllowShortKey: setting(
    'JWT_ALLOW_SHORT_KEY',
    asBoolean,
    'false',
    'Start with a signing key under 32 bytes.',
  ),
  jwtLeeway: setting(
    'JWT_LEEWAY',
    asInteger(0, 3600),
    '5',
    'Seconds by which clocks may differ for `exp` and `iat`.',
  ),
  bcryptCost: setting('BCRYPT_COST', asInteger(4, 16), '10', 'Cost of new bcrypt hashes of client secrets.'),
  anonymousAccess: setting(
    'ANONYMOUS_ACCESS',
    asWord('allow', 'deny'),
    'allow',
    'Whether a caller without a token has the role contributor; `deny` answers 401.',
  ),
  jobOwnership: setting(
    'JOB_OWNERSHIP',
    asWord('record', 'enforce'),
    'record',
    'Whether only the submitter, a manager or an admin may cancel a job and send its attachments.',
  ),
  agentBinding: setting(
    'AGENT_BINDING',
    asWord('record', 'enforce'),
    'record',
    'Whether an agent may write only to a job that it holds, and use a name only with the client that used it first; `record` logs what `enforce` would refuse.',
  ),
  agentLeases: setting(
    'AGENT_LEASES',
    asWord('on', 'off'),
    'on',
    'Whether an agent that gives no sign of life loses its job, and what it then sends is kept apart.',
  ),
  agentLeaseSeconds: setting(
    'AGENT_LEASE_SECONDS',
    asInteger(1, 7 * 24 * 3600),
    '900',
    'Seconds without a sign of life after which an agent loses its job; in `provision` the `global_timeout` of the job (default 4 h) is added.',
  ),
  jobMaxAttempts: setting(
    'JOB_MAX_ATTEMPTS',
    asInteger(1, 100),
    '2',
    'Attempts after which a job that was lost each time is complete, with status 75 for its phase.',
  ),
  oidcClientId: optional(
    'OIDC_CLIENT_ID',
    asText,
    'With the issuer and `WEB_SECRET_KEY`: no anonymous callers.',
  ),
  oidcProviderIssuer: optional('OIDC_PROVIDER_ISSUER', asText, 'Issuer of the OIDC provider.'),
  webSecretKey: secret('WEB_SECRET_KEY', asText, 'Key of web sessions.'),
  oidcClientSecret: later(secret('OIDC_CLIENT_SECRET', asText, 'Secret of the OIDC client.')),
  secretsMasterKey: secret(
    'TESTFLINGER_SECRETS_MASTER_KEY',
    asMasterKey,
    'Base64 of 96 bytes: opens the data key of the secrets in MongoDB. Without it, and without a Vault, there is no secrets store.',
  ),
  secretsPreviousMasterKeys: secret(
    'TESTFLINGER_SECRETS_PREVIOUS_MASTER_KEYS',
    asMasterKeyList,
    'JSON array of master keys that open the data key as well, for a rotation without an outage.',
  ),
  keyVaultUri: secret(
    'TESTFLINGER_KEY_VAULT_URI',
    asMongodbUri,
    'MongoDB that holds the key vault (`encryption.__keyVault`), when it is another than that of the data.',
  ),
  vaultUrl: optional(
    'TESTFLINGER_VAULT_URL',
    asHttpUrl,
    'HashiCorp Vault whose KV engine (version 2, mounted at `secret`) holds the secrets; goes before the master key.',
  ),
  vaultToken: secret('TESTFLINGER_VAULT_TOKEN', asText, 'Token for that Vault.'),
  webhookUrl: optional('WEBHOOK_URL', asWebUrl, 'Scheme and host that job events may be sent to.'),
  webhookAuth: secret('WEBHOOK_AUTH', asText, 'Bearer token that goes along with job events.'),
  metricsPort: setting(
    'METRICS_PORT',
    port,
    '9090',
    'TCP port of `/metrics` for Prometheus, and of nothing else; 0 takes a free one. One in use is a warning.',
  ),
  metricsHost: optional(
    'METRICS_HOST',
    asHost,
    'Address to listen on for it; as `HOST` when not given. It asks for no password.',
  ),
  httpProxy: optional('HTTP_PROXY', asText, 'Proxy for outbound http, such as the download of mongod.'),
  httpsProxy: optional('HTTPS_PROXY', asText, 'Proxy for outbound https, such as the download of mongod.'),
  noProxy: optional('NO_PROXY', asText, 'Hosts reached without a proxy.'),
};

type Values = { [K in keyof typeof settings]: (typeof settings)[K] extends Setting<infer T> ? T : never };

/** The settings of one process, read and checked. */
export interface Config extends Omit<Values, 'listen' | 'trustProxy'> {
  listen: ListenAddress;
  trustProxy: NonNullable<Values['trustProxy']>;
  /** No MongoDB is named, so the embedded one is started. */
  embedded: boolean;
  /** OIDC is configured: there are no anonymous callers. */
  oidc: boolean;
  /** Names of the settings that are given and have no effect in this version. */
  withoutEffect: string[];
}

/**
 * Reads every setting from `environment`.
 * @param options.signingKeyRequired is false for what signs no tokens, such as a command that uses the database only
 * @throws ConfigError that lists all wrong settings together, never their values when secret.
 */
export function readConfig(
  environment: NodeJS.ProcessEnv,
  options: { signingKeyRequired: boolean } = { signingKeyRequired: true },
): Config {
  const problems = new Map<string, string>();
  const values = {} as Record<string, unknown>;
  const withoutEffect: string[] = [];
  for (const [key, row] of Object.entries(settings) as [string, Setting<unknown>][]) {
    try {
      const text = readSettingText(row, environment);
      if (text !== undefined && row.later) withoutEffect.push(row.name);
      const source = text ?? row.fallback;
      values[key] = source === undefined ? undefined : row.read(source);
    } catch (error) {
      problems.set(row.name, `${row.name} ${(error as Error).message}`);
    }
  }
  const read = values as Values;
  const config: Config = {
    ...read,
    listen: read.listen ?? { host: read.host, port: read.port },
    trustProxy: read.trustProxy ?? (read.enableProxyfix ? 1 : 0),
    embedded: !['MONGODB_URI', 'MONGODB_HOST'].some((name) => problems.has(name)) && isEmbedded(read),
    oidc: Boolean(read.oidcClientId && read.oidcProviderIssuer && read.webSecretKey),
    withoutEffect,
  };
  for (const [name, problem] of listConflicts(config, options)) {
    // What could not be read is not missing as well.
    if (!problems.has(name)) problems.set(name, `${name} ${problem}`);
  }
  if (problems.size > 0) throw new ConfigError([...problems.values()]);
  return config;
}

function isEmbedded(read: Values): boolean {
  return read.mongodbUri === undefined && read.mongodbHost === undefined;
}
