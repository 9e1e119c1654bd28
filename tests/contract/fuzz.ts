/*
 * `npm run fuzz`: schemathesis (PyPI) against the OpenAPI document of a server that runs for it alone, as an admin, an
 * agent and an anonymous caller. It looks for answers of 500 and for ones that the document does not declare. Ends
 * with another status than 0 when it finds any.
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
/** Cases of random data for each operation and caller; the cases of its `coverage` phase, which are counted by the schemas, come besides. */
const examples = 5;

function run(program: string, args: readonly string[], cwd: string): Promise<number> {
  return new Promise((done, failed) => {
    const child = spawn(program, args, { cwd, stdio: ['ignore', 'inherit', 'inherit'] });
    child.once('error', failed);
    child.once('close', (code) => done(code ?? 1));
  });
}

/** The program, installed once into a cache folder outside of the tree. */
async function ensureSchemathesis(): Promise<string> {
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'queuepass');
  const folder = join(cache, `schemathesis-${version}`);
  const program = join(folder, 'bin', 'python3');
  if (existsSync(program)) return program;
  const making = `${folder}.${process.pid}`;
  try {
    if (await run('python3', ['-m', 'venv', making], tmpdir())) throw new Error('python3 -m venv failed');
    const pip = ['-m', 'pip', 'install', '--quiet', `schemathesis==${version}`];
    if (await run(join(making, 'bin', 'python3'), pip, tmpdir())) throw new Error('pip install failed');
    await rename(making, folder);
  } finally {
    await rm(making, { recursive: true, force: true });
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
    // Without it the route of job events answers 500, as the contract says.
    WEBHOOK_URL: 'http://127.0.0.1:9',
  };
  const child = spawn(process.execPath, [builtServer], {
    cwd: folder,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const url = await new Promise<string>((done, failed) => {
    let told = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      told += text;
      const found = /listens on (\S+)\s/.exec(told)?.[1];
      if (found !== undefined) done(found);
    });
    child.once('close', () => failed(new Error(`the server ended: ${told}`)));
  });
  return { url, dataDir, child };
}

async function ask(url: string, init: RequestInit): Promise<string> {
  const response = await fetch(url, init);
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${init.method ?? 'GET'} ${url}: ${response.status} ${text}`);
  return text;
}

/** Passes by the routes that any client uses. */
async function grantPasses({ url, dataDir }: Running): Promise<{ admin: string; agent: string }> {
  const grant = (id: string, key: string) =>
    ask(`${url}/v1/authenticate/token/${id}`, { headers: { 'client-key': key } });
  const admin = await grant('testflinger-admin', (await readFile(join(dataDir, 'admin-key'), 'utf8')).trim());
  const made = await ask(`${url}/v1/client-permissions/fuzz-agent?generate_key=true`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json' },
    body: JSON.stringify({ role: 'agent' }),
  });
  return { admin, agent: await grant('fuzz-agent', (JSON.parse(made) as { client_key: string }).client_key) };
}

async function fuzz(program: string, folder: string, running: Running): Promise<string[]> {
  const { admin, agent } = await grantPasses(running);
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
    console.error(`schemathesis found what the document does not declare, as ${failed.join(', ')}`);
  process.exitCode = failed.length > 0 ? 1 : 0;
} finally {
  const ended = new Promise((done) => running.child.once('close', done));
  running.child.kill('SIGTERM');
  await ended;
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}
