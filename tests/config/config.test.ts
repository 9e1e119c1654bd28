import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { type Config, readConfig, settingRows } from '../../server/areas.js';
import { asText } from '../../server/config/setting-types.js';
import { openConnection } from '../../server/db/connect.js';
import { findMongodbUri } from '../../server/db/mongodb-uri.js';
import { listProblems } from '../support/config-problems.js';
import { makeFolder } from '../support/own-mongod.js';

const longKey = 'a signing key of more than thirty-two bytes';
const masterKey = Buffer.alloc(96, 1).toString('base64');
const vaultToken = { TESTFLINGER_VAULT_TOKEN: 'token' };
const own = { MONGODB_URI: 'mongodb://db.example', JWT_SIGNING_KEY: longKey };

function writeTemporary(content: string | Buffer): string {
  const file = join(makeFolder(), 'setting');
  writeFileSync(file, content);
  return file;
}

test('without any setting the server listens on loopback and starts the embedded MongoDB', (t) => {
  const config = readConfig({});
  t.deepEqual(config.listen, { host: '127.0.0.1', port: 5000 });
  const { embedded, oidc, dataDir, drainSeconds, trustProxy, basePath, logLevel } = config;
  t.deepEqual(
    { embedded, oidc, dataDir, drainSeconds, trustProxy, basePath, logLevel },
    {
      embedded: true,
      oidc: false,
      dataDir: '.queuepass',
      drainSeconds: 30,
      trustProxy: 0,
      basePath: '',
      logLevel: 'info',
    },
  );
  const { bcryptCost, jwtLeeway, jwtAllowShortKey, anonymousAccess, mongodbMaxPoolSize } = config;
  t.deepEqual(
    { bcryptCost, jwtLeeway, jwtAllowShortKey, anonymousAccess, mongodbMaxPoolSize },
    {
      bcryptCost: 10,
      jwtLeeway: 5,
      jwtAllowShortKey: false,
      anonymousAccess: 'allow',
      mongodbMaxPoolSize: 100,
    },
  );
  t.is(config.mongodbDatabase, 'testflinger_db');
});

/** For each setting that does not accept every text: valid texts with their parsed values, and invalid texts. */
const table: Record<string, { good: [string, (config: Config) => unknown, unknown][]; bad: string[] }> = {
  HOST: {
    good: [
      ['0.0.0.0', (config) => config.listen, { host: '0.0.0.0', port: 5000 }],
      ['::1', (config) => config.listen, { host: '::1', port: 5000 }],
      ['[::1]', (config) => config.listen, { host: '::1', port: 5000 }],
      ['lab-host.example', (config) => config.host, 'lab-host.example'],
    ],
    bad: ['a b', 'host:5000', 'http://host', '[::1'],
  },
  PORT: {
    good: [
      ['0', (config) => config.port, 0],
      ['65535', (config) => config.port, 65535],
    ],
    bad: ['65536', '-1', '5000.5', 'http', '0x10', '5e3'],
  },
  LISTEN: {
    good: [
      ['127.0.0.1:80', (config) => config.listen, { host: '127.0.0.1', port: 80 }],
      ['[::1]:80', (config) => config.listen, { host: '::1', port: 80 }],
      ['/run/queuepass.sock', (config) => config.listen, { path: '/run/queuepass.sock' }],
      ['systemd', (config) => config.listen, { fd: 3 }],
    ],
    bad: ['80', ':80', '::1:80', '[nothing]:80', 'host:65536', 'host', 'run/queuepass.sock'],
  },
  SESSION_IDLE_MINUTES: {
    good: [
      ['0', (config) => config.sessionIdleMinutes, 0],
      ['30', (config) => config.sessionIdleMinutes, 30],
    ],
    bad: ['-1', '1.5', 'never'],
  },
  SESSION_HOURS: {
    good: [['24', (config) => config.sessionHours, 24]],
    bad: ['0', '1.5', 'day'],
  },
  LOCAL_SIGN_IN: {
    good: [['ON', (config) => config.localSignIn, 'on']],
    bad: ['true', 'yes'],
  },
  INSECURE_COOKIES: {
    good: [['true', (config) => config.insecureCookies, true]],
    bad: ['maybe'],
  },
  OIDC_REDIRECT_PATH: {
    good: [['/auth', (config) => config.oidcRedirectPath, '/auth']],
    bad: ['/callback', 'auth', 'https://lab.example/auth'],
  },
  OIDC_API_PATHS: {
    good: [['/api/v4/, /api/graphql', (config) => config.oidcApiPaths, ['/api/v4', '/api/graphql']]],
    bad: ['api', '/api/../x', 'https://h/api', '/a b', '/'],
  },
  OIDC_EMAIL_DOMAINS: {
    good: [['Lab.example, b.example', (config) => config.oidcEmailDomains, ['lab.example', 'b.example']]],
    bad: ['@lab.example', 'a b'],
  },
  OIDC_LOGOUT: {
    good: [['provider', (config) => config.oidcLogout, 'provider']],
    bad: ['both'],
  },
  BASE_PATH: {
    good: [
      ['/queuepass/', (config) => config.basePath, '/queuepass'],
      ['/a/b', (config) => config.basePath, '/a/b'],
      ['/', (config) => config.basePath, ''],
    ],
    bad: ['queuepass', '/a b', '/a/../b', '/..', '/a?b', '/{x}', '/:x'],
  },
  TRUST_PROXY: {
    good: [
      ['2', (config) => config.trustProxy, 2],
      ['10.0.0.0/8, fd00::/8', (config) => config.trustProxy, ['10.0.0.0/8', 'fd00::/8']],
      ['127.0.0.1', (config) => config.trustProxy, ['127.0.0.1']],
    ],
    bad: ['true', '10.0.0.0/33', '999.1.1.1', 'fd00::/129', '10.0.0.0/8,', 'cafe', '1000'],
  },
  ENABLE_PROXYFIX: {
    good: [
      ['true', (config) => config.trustProxy, 1],
      ['0', (config) => config.trustProxy, 0],
    ],
    bad: ['maybe', '2'],
  },
  DRAIN_SECONDS: { good: [['0', (config) => config.drainSeconds, 0]], bad: ['-1', '1.5', '3601', 'long'] },
  LOG_LEVEL: { good: [['WARN', (config) => config.logLevel, 'warn']], bad: ['loud'] },
  TESTFLINGER_SECRETS_MASTER_KEY: {
    good: [[masterKey, (config) => config.secretsMasterKey?.length, 96]],
    bad: ['hunter2', Buffer.alloc(95).toString('base64')],
  },
  TESTFLINGER_SECRETS_PREVIOUS_MASTER_KEYS: {
    good: [[JSON.stringify([masterKey]), (config) => config.secretsPreviousMasterKeys?.length, 1]],
    bad: [masterKey, '["hunter2"]'],
  },
  TESTFLINGER_KEY_VAULT_URI: {
    good: [['mongodb://vault.example', (config) => config.keyVaultUri, 'mongodb://vault.example']],
    bad: ['http://vault.example'],
  },
  TESTFLINGER_VAULT_URL: {
    good: [['https://vault.example:8200', (config) => config.vaultUrl, 'https://vault.example:8200']],
    bad: ['vault.example', 'ftp://vault.example'],
  },
  WEBHOOK_URL: {
    good: [['https://hooks.example', (config) => config.webhookUrl, 'https://hooks.example']],
    bad: ['hooks.example', 'ftp://hooks.example'],
  },
  ALLOWED_HOSTS: {
    good: [['Lab, 10.0.0.1,[::1]', (config) => config.allowedHosts, ['lab', '10.0.0.1', '::1']]],
    bad: ['http://lab', 'a b'],
  },
  MAX_BODY_VALUES: { good: [['1000', (config) => config.maxBodyValues, 1000]], bad: ['999', 'many'] },
  MAX_UPLOAD_MIB: { good: [['1', (config) => config.maxUploadMib, 1]], bad: ['0', '10 GiB'] },
  ANONYMOUS_UPLOAD_MIB: {
    good: [['0', (config) => config.anonymousUploadMib, 0]],
    bad: ['-1', '10 GiB'],
  },
  JOB_OWNERSHIP: { good: [['record', (config) => config.jobOwnership, 'record']], bad: ['yes'] },
  AUDIT_DAYS: { good: [['30', (config) => config.auditDays, 30]], bad: ['0', '3651', 'for ever'] },
  AGENT_BINDING: { good: [['enforce', (config) => config.agentBinding, 'enforce']], bad: ['yes'] },
  AGENT_LEASES: { good: [['off', (config) => config.agentLeases, 'off']], bad: ['no'] },
  AGENT_LEASE_SECONDS: { good: [['60', (config) => config.agentLeaseSeconds, 60]], bad: ['0', '15m'] },
  JOB_MAX_ATTEMPTS: { good: [['1', (config) => config.jobMaxAttempts, 1]], bad: ['0', 'many'] },
  MONGODB_PORT: { good: [['27018', (config) => config.mongodbPort, 27018]], bad: ['tcp://10.0.0.1:27017'] },
  MONGODB_MAX_POOL_SIZE: { good: [['7', (config) => config.mongodbMaxPoolSize, 7]], bad: ['0', 'all'] },
  JWT_PREVIOUS_SIGNING_KEYS: {
    good: [['["one", "two"]', (config) => config.jwtPreviousSigningKeys, ['one', 'two']]],
    bad: ['one', '{"a": "b"}', '[1]', '[""]', '"one"'],
  },
  JWT_ALLOW_SHORT_KEY: { good: [['Yes', (config) => config.jwtAllowShortKey, true]], bad: ['please'] },
  JWT_LEEWAY: { good: [['0', (config) => config.jwtLeeway, 0]], bad: ['-1', 'some'] },
  BCRYPT_COST: { good: [['12', (config) => config.bcryptCost, 12]], bad: ['3', '17'] },
  ANONYMOUS_ACCESS: { good: [['deny', (config) => config.anonymousAccess, 'deny']], bad: ['no'] },
  WORKERS: { good: [['4', (config) => config.workers, 4]], bad: ['0', '65', 'two'] },
  KEEPALIVE: { good: [['0', (config) => config.keepAliveSeconds, 0]], bad: ['-1', '3601', 'no'] },
  PUBLIC_URL: {
    good: [['https://lab.example', (config) => config.publicUrl, 'https://lab.example']],
    bad: ['lab.example', 'ftp://lab.example'],
  },
  METRICS_PORT: { good: [['9091', (config) => config.metricsPort, 9091]], bad: ['many'] },
  METRICS_HOST: { good: [['::', (config) => config.metricsHost, '::']], bad: ['a b'] },
  MONGODB_URI: {
    good: [['mongodb+srv://db.example', (config) => config.embedded, false]],
    bad: ['http://db.example', 'db.example', 'mongodb://', 'mongodb://u:p@ss@h', 'mongodb://h/?nonsense=1'],
  },
  MONGODB_HOST: {
    good: [['db.example', findMongodbUri, 'mongodb://db.example:27017/']],
    bad: ['a b', 'http://db.example', 'user@h', 'h:x'],
  },
};

for (const [name, { good, bad }] of Object.entries(table)) {
  test(`${name} accepts valid values, and an error names it for invalid ones`, (t) => {
    const others = { JWT_SIGNING_KEY: longKey, ...(name === 'TESTFLINGER_VAULT_URL' && vaultToken) };
    for (const [text, pick, meant] of good) t.deepEqual(pick(readConfig({ ...others, [name]: text })), meant);
    for (const text of bad) {
      const problems = listProblems({ ...others, [name]: text });
      t.is(problems.length, 1, `${text}: ${problems.join('; ')}`);
      t.true(problems[0]?.startsWith(`${name} `), problems[0]);
    }
  });
}

test('the table above has every setting that does not accept every text', (t) => {
  const rows = settingRows.filter((row) => row.read !== asText && !(row.name in table));
  t.deepEqual(
    rows.map((row) => row.name),
    [],
  );
});

test('an empty variable counts as not set', (t) => {
  const empty = Object.fromEntries(settingRows.map((row) => [row.name, '']));
  t.deepEqual(readConfig({ ...empty, MONGODB_URI_FILE: '', JWT_SIGNING_KEY_FILE: '' }), readConfig({}));
});

test('all invalid settings are reported together, each once', (t) => {
  const problems = listProblems({
    PORT: 'x',
    LISTEN: 'y',
    BCRYPT_COST: '99',
    MONGODB_URI: 'mongodb://h',
    JWT_PREVIOUS_SIGNING_KEYS: 'z',
    MONGODB_USERNAME: '',
  });
  t.deepEqual(
    problems.map((problem) => problem.split(' ')[0]),
    ['PORT', 'LISTEN', 'JWT_PREVIOUS_SIGNING_KEYS', 'BCRYPT_COST', 'JWT_SIGNING_KEY'],
  );
});

test('no message contains a secret, whatever is wrong with it', (t) => {
  const planted = 'hunter2';
  const short = listProblems({ ...own, JWT_SIGNING_KEY: planted });
  const uris = [
    `http://u:${planted}@h`,
    `mongodb://${planted}@@h:27017`,
    `mongodb://u:${planted}@x@h`,
  ].concat([
    `mongodb://u:${planted}@h:port`,
    `mongodb://h/?authMechanism=${planted}`,
    `mongodb://h/?tls=${planted}`,
  ]);
  const others = uris.flatMap((uri) => listProblems({ ...own, MONGODB_URI: uri }));
  const list = listProblems({ JWT_PREVIOUS_SIGNING_KEYS: planted });
  const parts = { MONGODB_HOST: 'a b', MONGODB_USERNAME: planted, MONGODB_PASSWORD: planted };
  const all = [...short, ...others, ...list, ...listProblems({ ...parts, JWT_SIGNING_KEY: longKey })];
  t.is(all.length, 3 + uris.length, all.join('\n'));
  t.false(all.join('\n').includes(planted), all.join('\n'));
});

test('a secret can be read from a file, without one trailing line break', (t) => {
  const read = (content: string) =>
    readConfig({ JWT_SIGNING_KEY_FILE: writeTemporary(content) }).jwtSigningKey;
  t.is(read(longKey), longKey);
  t.is(read(`${longKey}\n`), longKey);
  t.is(read(`${longKey}\r\n`), longKey);
  t.is(read(`${longKey} \n\n`), `${longKey} \n`);
  const uri = writeTemporary('mongodb://db.example\n');
  t.false(readConfig({ MONGODB_URI_FILE: uri, JWT_SIGNING_KEY: longKey }).embedded);
});

test('every setting that is a secret can be read from a file, and no other setting can', (t) => {
  for (const row of settingRows) {
    const problems = listProblems({ ...own, MONGODB_URI: '', [`${row.name}_FILE`]: '/nowhere/at/all' });
    const fileErrors = problems.filter((problem) => problem.includes('/nowhere/at/all'));
    t.is(fileErrors.length, row.secret && row.name !== 'JWT_SIGNING_KEY' ? 1 : 0, row.name);
  }
});

const badFiles: [what: string, make: () => Record<string, string>, says: RegExp][] = [
  [
    'both the variable and the file',
    () => ({ JWT_SIGNING_KEY: longKey, JWT_SIGNING_KEY_FILE: writeTemporary(longKey) }),
    /^JWT_SIGNING_KEY is given twice: leave out JWT_SIGNING_KEY or JWT_SIGNING_KEY_FILE$/,
  ],
  [
    'a missing file',
    () => ({ JWT_SIGNING_KEY_FILE: join(makeFolder(), 'absent') }),
    /^JWT_SIGNING_KEY cannot be read from its file .*absent \(ENOENT\)$/,
  ],
  [
    'a directory',
    () => ({ JWT_SIGNING_KEY_FILE: makeFolder() }),
    /^JWT_SIGNING_KEY cannot be read from its file .*\(EISDIR\)$/,
  ],
  [
    'an empty file',
    () => ({ MONGODB_URI_FILE: writeTemporary('\n'), JWT_SIGNING_KEY: longKey }),
    /^MONGODB_URI has an empty file/,
  ],
  [
    'bytes that are not text',
    () => ({ JWT_SIGNING_KEY_FILE: writeTemporary(Buffer.alloc(48, 0xff)) }),
    /^JWT_SIGNING_KEY has a file that is not valid UTF-8/,
  ],
];
for (const [what, make, says] of badFiles) {
  test(`a secret from ${what} is reported as one problem, also with an external MongoDB`, (t) => {
    const given = make();
    const problems = listProblems(
      'MONGODB_URI_FILE' in given ? given : { MONGODB_URI: 'mongodb://h', ...given },
    );
    t.is(problems.length, 1, problems.join('\n'));
    t.regex(problems[0] ?? '', says);
  });
}

test('the MONGODB_* settings make a connection string, with user and password escaped', (t) => {
  const parts = { MONGODB_HOST: 'db.example', JWT_SIGNING_KEY: longKey };
  const uriOf = (more: Record<string, string>) => findMongodbUri(readConfig({ ...parts, ...more }));
  t.is(uriOf({ MONGODB_PORT: '1' }), 'mongodb://db.example:1/');
  t.is(
    uriOf({ MONGODB_USERNAME: 'u:/', MONGODB_PASSWORD: 'p@%', MONGODB_AUTH_SOURCE: 'a b' }),
    'mongodb://u%3A%2F:p%40%25@db.example:27017/?authSource=a%20b',
  );
  t.is(uriOf({ MONGODB_HOST: '::1' }), 'mongodb://[::1]:27017/');
  t.is(uriOf({ MONGODB_URI: 'mongodb://other' }), 'mongodb://other');
});

test('a missing MONGODB_USERNAME, MONGODB_PASSWORD or MONGODB_HOST is reported when another of them is set', (t) => {
  const named = (environment: Record<string, string>) =>
    listProblems({ JWT_SIGNING_KEY: longKey, ...environment }).map((problem) => problem.split(' ')[0]);
  t.deepEqual(named({ MONGODB_HOST: 'h', MONGODB_USERNAME: 'u' }), ['MONGODB_PASSWORD']);
  t.deepEqual(named({ MONGODB_HOST: 'h', MONGODB_PASSWORD: 'p' }), ['MONGODB_USERNAME']);
  t.deepEqual(named({ MONGODB_USERNAME: 'u', MONGODB_PASSWORD: 'p' }), ['MONGODB_HOST']);
});

test('the database comes from the URI, else from MONGODB_DATABASE, else it is testflinger_db', async (t) => {
  const nameOf = async (environment: Record<string, string>) => {
    const config = readConfig({ ...own, ...environment });
    const { client, db } = openConnection(config, findMongodbUri(config) as string);
    await client.close();
    return db.databaseName;
  };
  t.is(await nameOf({}), 'testflinger_db');
  t.is(await nameOf({ MONGODB_URI: 'mongodb://h/', MONGODB_DATABASE: 'x' }), 'x');
  t.is(await nameOf({ MONGODB_URI: 'mongodb://h/?appName=/test', MONGODB_DATABASE: 'x' }), 'x');
  for (const named of ['lab', 'test']) {
    t.is(await nameOf({ MONGODB_URI: `mongodb://u:p@h,g/${named}?tls=true`, MONGODB_DATABASE: 'x' }), named);
  }
});

test('the pool size comes from the URI, else from MONGODB_MAX_POOL_SIZE', async (t) => {
  for (const [uri, size] of [
    ['mongodb://h', 7],
    ['mongodb://h/?maxPoolSize=3', 3],
  ] as const) {
    const config = readConfig({ ...own, MONGODB_URI: uri, MONGODB_MAX_POOL_SIZE: '7' });
    const { client } = openConnection(config, uri);
    t.is(client.options.maxPoolSize, size);
    await client.close();
  }
});

test('with an external MongoDB a signing key is required, and the error says how to make one', (t) => {
  for (const named of [{ MONGODB_URI: 'mongodb://h' }, { MONGODB_HOST: 'h' }] as Record<string, string>[]) {
    const problems = listProblems(named);
    t.is(problems.length, 1);
    t.regex(problems[0] ?? '', /^JWT_SIGNING_KEY is required.*openssl rand/);
    t.notThrows(() => readConfig(named, { signingKeyRequired: false }));
  }
});

test('several workers need a TCP port', (t) => {
  t.is(readConfig({ WORKERS: '2' }).workers, 2);
  for (const LISTEN of ['/run/x.sock', 'systemd']) {
    t.deepEqual(listProblems({ WORKERS: '2', LISTEN }), [
      'WORKERS over 1 needs a TCP port: for sockets, run several instances, each on its own socket (queuepass@1, queuepass@2)',
    ]);
  }
});
