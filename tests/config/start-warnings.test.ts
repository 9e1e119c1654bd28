import test from 'ava';
import { listStartWarnings, readConfig } from '../../server/areas.js';
import { listProblems } from '../support/config-problems.js';

const longKey = 'V1dQc2YyN0tHbHVuU2RzbGZqTGVXcXh6dEFpUm9t';
const warningsOf = (environment: Record<string, string>) => listStartWarnings(readConfig(environment));

test("the default start, and one with a random key of one's own, prints no warning", (t) => {
  t.deepEqual(warningsOf({}), []);
  const hex = '9f86d081884c7d659a2feaa0c55ad015';
  for (const JWT_SIGNING_KEY of [longKey, hex, hex + hex.split('').reverse().join('')])
    t.deepEqual(warningsOf({ JWT_SIGNING_KEY, JWT_PREVIOUS_SIGNING_KEYS: JSON.stringify([hex]) }), []);
});

test('a signing key under 32 bytes is refused, or causes only a warning with JWT_ALLOW_SHORT_KEY', (t) => {
  const short = 'k'.repeat(31);
  for (const base of [{}, { MONGODB_URI: 'mongodb://h' }]) {
    t.regex(listProblems({ ...base, JWT_SIGNING_KEY: short }).join(), /^JWT_SIGNING_KEY is under 32 bytes/);
    const config = readConfig({ ...base, JWT_SIGNING_KEY: short, JWT_ALLOW_SHORT_KEY: 'true' });
    t.regex(listStartWarnings(config).join(), /^JWT_SIGNING_KEY is under 32 bytes/);
  }
  // The length counts bytes, not characters.
  t.deepEqual(listStartWarnings(readConfig({ JWT_SIGNING_KEY: 'äöüßéèêçñøåœæþðŋ' })), []);
  const previous = readConfig({ JWT_PREVIOUS_SIGNING_KEYS: JSON.stringify([longKey, short]) });
  t.regex(listStartWarnings(previous).join(), /^JWT_PREVIOUS_SIGNING_KEYS has a key under 32 bytes/);
});

test('anonymous access causes a warning when other hosts can reach the server', (t) => {
  const isWarned = (environment: Record<string, string>) =>
    listStartWarnings(readConfig(environment)).some((warning) => warning.includes('ANONYMOUS_ACCESS=deny'));
  for (const LISTEN of ['0.0.0.0:1', '[::]:1', '10.0.0.1:1', 'systemd', '127.0.0.1.example:1']) {
    t.true(isWarned({ LISTEN }), LISTEN);
    t.false(isWarned({ LISTEN, ANONYMOUS_ACCESS: 'deny' }), LISTEN);
  }
  for (const LISTEN of ['127.0.0.1:1', '127.1.2.3:1', '[::1]:1', 'localhost:1', '/run/x.sock']) {
    t.false(isWarned({ LISTEN }), LISTEN);
    t.true(isWarned({ LISTEN, TRUST_PROXY: '1' }), `${LISTEN} behind a proxy`);
  }
  const oidc = { OIDC_CLIENT_ID: 'a', OIDC_PROVIDER_ISSUER: 'https://b', WEB_SECRET_KEY: 'c' };
  t.false(isWarned({ LISTEN: '0.0.0.0:1', ...oidc }));
});

test('a signing key that is not random causes a warning, also among the previous keys', (t) => {
  const reason = 'not random, such as a repeated word: an attacker can guess it and forge tokens';
  for (const key of [
    'a'.repeat(64),
    'changeme'.repeat(8),
    'secret key '.repeat(9),
    '0123456789abcdef'.repeat(4),
    '01'.repeat(30) + '0',
  ]) {
    t.deepEqual(warningsOf({ JWT_SIGNING_KEY: key }), [
      `JWT_SIGNING_KEY is ${reason}; make one with: openssl rand -base64 48`,
    ]);
    t.deepEqual(warningsOf({ JWT_PREVIOUS_SIGNING_KEYS: JSON.stringify([longKey, key, key]) }), [
      `JWT_PREVIOUS_SIGNING_KEYS has a key ${reason}: remove it once its tokens have expired (10 minutes)`,
    ]);
  }
});

test('a bcrypt cost under 10 causes a warning', (t) => {
  t.deepEqual(warningsOf({ BCRYPT_COST: '9' }), [
    "BCRYPT_COST is 9: anyone with a copy of the database can guess client secrets fast; set it to 10 or more, and each client's hash is renewed at its next login",
  ]);
  t.deepEqual(warningsOf({ BCRYPT_COST: '10' }), []);
});

test('plain http that other machines can reach causes a warning, unless a proxy is trusted', (t) => {
  const warning = (host: string) =>
    `keys and tokens cross the network without encryption, since the server listens on ${host} without TLS: put a proxy with TLS in front and set TRUST_PROXY, or listen on 127.0.0.1`;
  const closed = { ANONYMOUS_ACCESS: 'deny', METRICS_HOST: '127.0.0.1' };
  t.deepEqual(warningsOf({ ...closed, LISTEN: '0.0.0.0:1' }), [warning('0.0.0.0')]);
  t.deepEqual(warningsOf({ ...closed, HOST: '::' }), [warning('::')]);
  t.deepEqual(warningsOf({ ...closed, LISTEN: '0.0.0.0:1', TRUST_PROXY: '1' }), []);
  for (const LISTEN of ['127.0.0.1:1', '[::1]:1', 'localhost:1', '/run/x.sock', 'systemd'])
    t.deepEqual(warningsOf({ ...closed, LISTEN }), []);
});

test('metrics that other machines can reach cause a warning', (t) => {
  const warning = (host: string) =>
    `anyone who can reach the metrics port on ${host} can read the metrics without a password: set METRICS_HOST=127.0.0.1, or let only Prometheus reach the port`;
  t.deepEqual(warningsOf({ METRICS_HOST: '0.0.0.0' }), [warning('0.0.0.0')]);
  const behindProxy = { HOST: '10.0.0.1', TRUST_PROXY: '1', ANONYMOUS_ACCESS: 'deny' };
  t.deepEqual(warningsOf(behindProxy), [warning('10.0.0.1')], 'HOST is the default of METRICS_HOST');
  t.deepEqual(warningsOf({ ...behindProxy, METRICS_HOST: '127.0.0.1' }), []);
});

test('cookies without https and a short WEB_SECRET_KEY cause warnings', (t) => {
  t.deepEqual(warningsOf({ INSECURE_COOKIES: 'true', WEB_SECRET_KEY: 'x'.repeat(31) }), [
    'WEB_SECRET_KEY is under 32 bytes; make one with: openssl rand -base64 48',
    'INSECURE_COOKIES=true: over plain http, anybody on the network between can take over the sessions of people',
  ]);
  t.deepEqual(warningsOf({ WEB_SECRET_KEY: 'x'.repeat(32), OIDC_CLIENT_SECRET: 'alone' }), []);
});
