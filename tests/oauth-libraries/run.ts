import { execFile } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { buildServer } from '../support/build-server.js';
import { makeFolder } from '../support/own-mongod.js';
import { grant, type Owner, type ServerProcess, startServerProcess } from '../support/server-process.js';
import { type Library, libraries, type SecretName, secrets } from './libraries.js';
import { job } from './login.js';
import { startTlsFront, type TlsFront } from './tls-front.js';

/*
 * `tests/oauth-libraries/run` runs this program. For each library and secret it makes a client, and runs a program that
 * gets a token, submits a job whose priority needs the token, gets the next token in the library's own way, and submits
 * another job. It prints a line for each; `note` is a known exception of the library. Arguments are words that select the libraries whose name contains one of them.
 */
interface Site {
  server: ServerProcess;
  front: TlsFront;
  /** The access token of the admin. */
  admin: string;
}

async function startSite(owner: Owner): Promise<Site> {
  buildServer();
  const folder = makeFolder();
  owner.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const server = await startServerProcess(owner, {});
  const front = await startTlsFront(owner, server.url, folder);
  const login = await grant(server, readFileSync(join(server.dataDir, 'admin-key'), 'utf8').trim());
  const without = await server.request('/v1/job', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(job),
  });
  if (without.ok) throw new Error('the server accepts the job without a token, so the job proves nothing');
  return { server, front, admin: await login.text() };
}

interface SecurityEvent {
  log: string;
  event: string;
  outcome: string;
  reason?: string;
}

/** Makes a client, whose id has odd characters as well. Returns its id and secret. */
async function makeClient({ server, admin }: Site, name: string, secret: string | undefined) {
  const clientId = `ci_1.a+~-${name}`;
  const query = secret === undefined ? '?generate_key=true' : '';
  const response = await server.request(`/v1/client-permissions/${encodeURIComponent(clientId)}${query}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      max_priority: { lab: 10 },
      ...(secret !== undefined && { client_secret: secret }),
    }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`the client was not made: ${response.status} ${text}`);
  return { clientId, secret: secret ?? (JSON.parse(text) as { client_key: string }).client_key };
}

/** Runs a library's program. Returns its error, if it failed. Each language finds the certificate in a variable of its own. */
function runProgram(
  { front }: Site,
  command: readonly string[],
  login: Record<string, string>,
): Promise<string | undefined> {
  const { PATH = '', HOME = '' } = process.env;
  const [program = '', ...rest] = command;
  const env = {
    PATH,
    HOME,
    NODE_EXTRA_CA_CERTS: front.certificate,
    REQUESTS_CA_BUNDLE: front.certificate,
    SSL_CERT_FILE: front.certificate,
    QUEUEPASS_SERVER: front.url,
    ...login,
  };
  return new Promise((done) => {
    execFile(program, rest, { env, timeout: 60_000 }, (failed, _stdout, stderr) => {
      done(failed === null ? undefined : stderr.trim() || failed.message);
    });
  });
}

/** Lists the events of the security log. */
function listEvents({ server }: Site): SecurityEvent[] {
  const lines = server.stdout().split('\n');
  const complete = lines.filter((line) => line.startsWith('{') && line.endsWith('}'));
  return complete.map((line) => JSON.parse(line) as SecurityEvent).filter(({ log }) => log === 'security');
}

/**
 * Returns what is wrong with the events of a run: too few of a kind were accepted, or one was refused. (Go's library
 * sends the secret in the form after the server has refused HTTP Basic, so it would work all the same.)
 */
function findFault(events: readonly SecurityEvent[], { accepted }: Library): string | undefined {
  const refused = events.find(({ outcome }) => outcome === 'refused');
  if (refused !== undefined) return `the server refused "${refused.event}": ${refused.reason}`;
  for (const [name, atLeast] of Object.entries(accepted)) {
    const count = events.filter(({ event }) => event === name).length;
    if (count < atLeast) return `the server accepted ${count} of ${atLeast} events "${name}"`;
  }
  return undefined;
}

/** Runs one library with one secret. @throws Error with what failed */
async function runCase(site: Site, library: Library, secretName: SecretName): Promise<void> {
  const name = `${library.name}-${Object.keys(secrets).indexOf(secretName)}`;
  const { clientId, secret } = await makeClient(site, name, secrets[secretName]);
  const login = { CLIENT_ID: clientId, CLIENT_SECRET: secret };
  const exception = library.exceptions?.[secretName];
  const before = listEvents(site).length;
  const run = async (command: readonly string[]): Promise<void> => {
    const readFault = () => findFault(listEvents(site).slice(before), library);
    let error = await runProgram(site, command, login);
    // The last lines of the log can arrive after the program has ended.
    for (let i = 0; error === undefined && i < 20 && readFault() !== undefined; i += 1) await wait(50);
    error ??= readFault();
    if (error !== undefined) throw new Error(error);
  };
  if (exception === undefined) return run(library.command);
  const error = await runProgram(site, library.command, login);
  if (error === undefined) throw new Error('the default options work: remove the exception');
  if (!error.includes(exception.error)) throw new Error(error);
  if (exception.argument !== undefined) await run([...library.command, exception.argument]);
}

const started = performance.now();
const teardowns: (() => unknown)[] = [];
const counts = { passed: 0, exceptions: 0, failed: 0 };
const words = process.argv.slice(2);
try {
  const site = await startSite({ teardown: (end: () => unknown) => void teardowns.push(end) });
  for (const library of libraries) {
    if (words.length > 0 && !words.some((word) => library.name.includes(word))) continue;
    for (const secretName of Object.keys(secrets) as SecretName[]) {
      const line = `${library.name}, ${secretName}`;
      const exception = library.exceptions?.[secretName];
      try {
        await runCase(site, library, secretName);
        counts[exception ? 'exceptions' : 'passed'] += 1;
        console.log(exception ? `note ${line}: ${exception.reason}` : `ok   ${line}`);
      } catch (error) {
        console.log(`FAIL ${line}: ${(error as Error).message}`);
        counts.failed += 1;
      }
    }
  }
} finally {
  for (const end of teardowns.reverse()) await end();
}
const seconds = ((performance.now() - started) / 1000).toFixed(1);
const { passed, exceptions, failed } = counts;
console.log(`OAuth libraries: ${passed} passed, ${exceptions} exceptions, ${failed} failed in ${seconds} s`);
process.exit(failed > 0 || passed === 0 ? 1 : 0);
