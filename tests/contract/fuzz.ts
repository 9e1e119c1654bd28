/*
 * `npm run fuzz` runs schemathesis (PyPI) against the OpenAPI document of a server that it starts, as an admin, an agent
 * and an anonymous caller. It looks for 500 responses and for responses that the document does not declare. The exit
 * status is not 0 if it finds any.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildServer, builtServer } from '../support/build-server.js';

const version = '4.32.5';
const checks = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_schema_conformance',
];
/** Random test cases for each operation and caller. The `coverage` phase adds cases that it derives from the schemas. */
const examples = 5;

function run(program: string, args: readonly string[], cwd: string): Promise<number> {
  return new Promise((done, failed) => {
    const child = spawn(program, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
    child.once('error', failed);
    child.once('close', (code) => done(code ?? 1));
  });
}

/** Installs schemathesis once, into a cache directory outside of the repository. Returns its Python program. */
async function ensureSchemathesis(): Promise<string> {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'queuepass');
  const folder = join(cache, `schemathesis-${version}`);
  const program = join(folder, 'bin', 'python3');
  if (existsSync(program)) return program;
  const temporary = `${folder}.${process.pid}`;
  try {
    if (await run('python3', ['-m', 'venv', temporary], tmpdir())) throw new Error('python3 -m venv failed');
    const pip = ['-m', 'pip', 'install', '--quiet', `schemathesis==${version}`];
    if (await run(join(temporary, 'bin', 'python3'), pip, tmpdir())) throw new Error('pip install failed');
    await rename(temporary, folder);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
  return program;
}

interface Running {
  url: string;
  dataDir: string;
  child: ChildProcess;
}

async function startServer(folder: string): Promise<Running> {
  const dataDir = join(folder, 'data');
  const { PATH, HOME, TMPDIR, MONGOMS_SYSTEM_BINARY } = process.env;
  const env = {
    PATH,
    HOME,
    TMPDIR,
    MONGOMS_SYSTEM_BINARY,
    PORT: '0',
    METRICS_PORT: '0',
    BCRYPT_COST: '4',
    QUEUEPASS_DATA_DIR: dataDir,
    // Without this setting the route of job events returns 500, as the contract says.
    WEBHOOK_URL: 'http://127.0.0.1:9',
  };
  const child = spawn(process.execPath, [builtServer], {
    cwd: folder,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const url = await new Promise<string>((done, failed) => {
    let output = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      const found = /listens on (\S+)\s/.exec(output)?.[1];
      if (found !== undefined) done(found);
    });
    child.once('close', () => failed(new Error(`the server exited: ${output}`)));
  });
  return { url, dataDir, child };
}

async function ask(url: string, init: RequestInit): Promise<string> {
  const response = await fetch(url, init);
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${init.method ?? 'GET'} ${url}: ${response.status} ${text}`);
  return text;
}

/** Requests access tokens through the routes that every client uses. */
async function requestTokens({ url, dataDir }: Running): Promise<{ admin: string; agent: string }> {
  const logIn = (id: string, key: string) =>
    ask(`${url}/v1/authenticate/token/${id}`, { headers: { 'client-key': key } });
  const admin = await logIn('testflinger-admin', (await readFile(join(dataDir, 'admin-key'), 'utf8')).trim());
  const made = await ask(`${url}/v1/client-permissions/fuzz-agent?generate_key=true`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json' },
    body: JSON.stringify({ role: 'agent' }),
  });
  return { admin, agent: await logIn('fuzz-agent', (JSON.parse(made) as { client_key: string }).client_key) };
}

async function fuzz(program: string, folder: string, running: Running): Promise<string[]> {
  const { admin, agent } = await requestTokens(running);
  const failed: string[] = [];
  for (const [caller, pass] of [
    ['admin', admin],
    ['agent', agent],
    ['anonymous', undefined],
  ] as const) {
    console.log(`\nAs ${caller}:`);
    const args = [
      ...['-m', 'schemathesis.cli', 'run', `${running.url}/openapi.json`],
      ...[
        '--checks',
        checks.join(),
        '--phases',
        'examples,coverage,fuzzing',
        '--max-examples',
        String(examples),
      ],
      ...['--seed', '1', '--workers', '1', '--request-timeout', '20', '--warnings', 'off', '--no-color'],
      ...['--generation-database', 'none', '--suppress-health-check', 'all'],
      ...(pass === undefined ? [] : ['--header', `Authorization:Bearer ${pass}`]),
    ];
    if ((await run(program, args, folder)) !== 0) failed.push(caller);
  }
  return failed;
}

const folder = await mkdtemp(join(tmpdir(), 'qp-fuzz-'));
buildServer();
const program = await ensureSchemathesis();
const running = await startServer(folder);
try {
  const failed = await fuzz(program, folder, running);
  if (failed.length > 0)
    console.error(`schemathesis found responses that the document does not declare, as ${failed.join(', ')}`);
  process.exitCode = failed.length > 0 ? 1 : 0;
} finally {
  const ended = new Promise((done) => running.child.once('close', done));
  running.child.kill('SIGTERM');
  await ended;
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}
