import { copyFileSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { jsonBody } from '../support/clients.js';
import { asAdmin, Host, makeDatabaseUri } from '../support/drill.js';
import { Operator } from '../support/operator.js';
import { makeFolder, withClient } from '../support/own-mongod.js';
import { buildPeerDatabase } from '../support/peer-database.js';
import { People, passOf, signingKey } from '../support/people.js';
import { runQueuepass } from '../support/queuepass.js';
import { root } from './pages.js';

const makeMasterKey = `openssl rand -base64 96 | tr -d '\\n' > master-key
chmod 600 master-key`;
const storeSecret = `curl -X PUT -H "Authorization: Bearer $(npx queuepass token)" -H 'Content-Type: application/json' \\
  -d '{"value": "...", "expire_after": 86400}' "$QUEUEPASS_SERVER/v1/secrets/lab-ci/api/token"`;
const showDisk = `df -h .
   du -sh .queuepass/db .queuepass/mongod.log*`;
const rewriteRunbooks = `sed -i 's|runbook_url: |&https://git.example/queuepass/blob/main/|' queuepass-alerts.yaml`;

test('store-secrets.md: the page makes a master key and stores a secret, and an agent receives the secret', async (t) => {
  const host = new Host(t, {
    JWT_SIGNING_KEY: signingKey,
    TESTFLINGER_SECRETS_MASTER_KEY_FILE: 'master-key',
  });
  const operator = new Operator('store-secrets.md', host.folder);
  await operator.run(makeMasterKey);
  t.is(statSync(join(host.folder, 'master-key')).mode & 0o777, 0o600);
  const server = await host.restart(0);
  const adminKey = readFileSync(join(server.dataDir, 'admin-key'), 'utf8');
  host.write('admin-key', adminKey);
  const environment = asAdmin(server);
  const added = await runQueuepass(['client', 'add', 'lab-ci'], { environment, cwd: host.folder });
  host.write('lab-ci.key', added.stdout);
  operator.environment = { ...asAdmin(server, 'lab-ci.key'), QUEUEPASS_CLIENT_ID: 'lab-ci' };
  t.deepEqual(Object.keys(JSON.parse(await operator.run(storeSecret)) as object), ['expires_at']);

  const people = new People(t, server);
  const job = { job_queue: 'q1', test_data: { secrets: { TOKEN: 'api/token' } } };
  await people.must('/v1/job', jsonBody(job, passOf('lab-ci', 'contributor')));
  const claim = await people.must('/v1/job?queue=q1', { headers: passOf('agent-1', 'agent') });
  const { test_data: given } = JSON.parse(claim) as { test_data: { secrets: unknown } };
  t.deepEqual(given.secrets, { TOKEN: '...' });
});

test('move-from-testflinger.md: the steps of the page work on the database of a Testflinger server', async (t) => {
  const uri = makeDatabaseUri(t);
  await withClient(uri, async (client) => {
    const db = client.db();
    await buildPeerDatabase(db);
    const operator = new Operator('move-from-testflinger.md', makeFolder(), { MONGODB_URI: uri });
    const isMade = async () =>
      (await db.collection('jobs').indexes()).some(({ name }) => name?.startsWith('qp_'));
    const clearTokens = async () =>
      (await db.collection('refresh_tokens').distinct('refresh_token')).filter(
        (token) => !String(token).startsWith('sha256:'),
      ).length;
    const report = await operator.run('npx queuepass doctor');
    t.regex(report, /would be marked/);
    t.false(await isMade());
    await operator.run('npx queuepass migrate');
    t.true(await isMade());
    t.notRegex(await operator.run('npx queuepass doctor'), /would be marked/);
    t.true((await clearTokens()) > 0);
    await operator.run('npx queuepass migrate --finish');
    t.is(await clearTokens(), 0);
  });
});

test('recover.md: the command of the page shows what uses the space of a data directory', async (t) => {
  const host = new Host(t, {});
  await host.restart(0);
  const operator = new Operator('recover.md', host.folder);
  const sizes = await operator.run(showDisk);
  t.regex(sizes, /\.queuepass\/db\n.*\.queuepass\/mongod\.log$/m);
});

test('monitor.md: the command of the page turns the runbooks of the alert rules into URLs', async (t) => {
  const folder = makeFolder();
  const rules = join(folder, 'queuepass-alerts.yaml');
  copyFileSync(join(root, 'docs/monitoring/queuepass-alerts.yaml'), rules);
  await new Operator('monitor.md', folder).run(rewriteRunbooks);
  const addresses = [...readFileSync(rules, 'utf8').matchAll(/runbook_url: (.*)/g)].map(([, url]) => url);
  t.true(addresses.length > 5);
  const form = /^https:\/\/git\.example\/queuepass\/blob\/main\/docs\/how-to\/monitor\.md#[a-z]+$/;
  t.true(
    addresses.every((address) => form.test(address ?? '')),
    addresses.join('\n'),
  );
});
