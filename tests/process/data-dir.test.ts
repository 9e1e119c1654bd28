import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { findText, writeFileDurably } from '../../server/core/durable-file.js';
import { StartError } from '../../server/errors/start-error.js';
import { ensureDataDir, ensureSigningKey } from '../../server/process/data-dir.js';
import { makeFolder } from '../support/own-mongod.js';

test('a written file is complete, readable only by its owner, and leaves no temporary file, also after an interrupted start', (t) => {
  const file = join(makeFolder(), 'key');
  writeFileSync(`${file}.new`, 'half of an old dr', { mode: 0o644 });
  writeFileDurably(file, 'first');
  writeFileDurably(file, 'second');
  t.is(findText(file), 'second');
  t.is(statSync(file).mode & 0o777, 0o600);
  t.deepEqual(readdirSync(join(file, '..')), ['key']);
});

test('a data directory is created empty, with its parents', (t) => {
  const { path } = ensureDataDir(join(makeFolder(), 'a', 'b'));
  t.is(statSync(path).mode & 0o777, 0o700);
  t.deepEqual(readdirSync(path), []);
});

test('the signing key is generated once, and again when its file is empty', (t) => {
  const dataDir = ensureDataDir(makeFolder());
  const made = ensureSigningKey(dataDir);
  t.is(made.length, 64);
  t.is(ensureSigningKey(dataDir), made);
  writeFileSync(dataDir.signingKeyFile, '');
  t.not(ensureSigningKey(dataDir), made);
});

test('a key file that cannot be read is an error, and is not replaced', (t) => {
  const dataDir = ensureDataDir(makeFolder());
  mkdirSync(dataDir.signingKeyFile);
  t.throws(() => ensureSigningKey(dataDir), { instanceOf: StartError, message: /signing-key.*EISDIR/ });
});

/** Runs `task`, which must be synchronous, as a user who owns no files. */
function asNobody<T>(task: () => T): T {
  process.seteuid?.(65534);
  try {
    return task();
  } finally {
    process.seteuid?.(0);
  }
}

const rootTest = process.getuid?.() === 0 ? test : test.skip;

rootTest('a data directory that belongs to another user and is not writable is refused', (t) => {
  const folder = makeFolder();
  chmodSync(join(folder, '..'), 0o755);
  chmodSync(folder, 0o755);
  t.throws(() => asNobody(() => ensureDataDir(folder)), {
    instanceOf: StartError,
    message: /cannot be written \(EACCES\): make this user its owner/,
  });
});

rootTest('a mounted volume that belongs to another user and is writable is accepted', (t) => {
  const folder = makeFolder();
  chmodSync(join(folder, '..'), 0o755);
  chmodSync(folder, 0o777);
  t.is(asNobody(() => ensureDataDir(folder)).path, folder);
  t.is(
    asNobody(() => statSync(folder).mode & 0o777),
    0o777,
  );
});
