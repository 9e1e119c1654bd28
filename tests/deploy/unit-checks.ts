import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../support/own-mongod.js';
import { repositoryPath } from './world.js';

const units = repositoryPath('server/deploy/systemd');

function analyze(...args: string[]): { status: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
  return { status, text: stdout + stderr };
}

/** systemd loads the units without a warning, on a system that has the programs that they start. */
export async function checkUnitsLoad(): Promise<void> {
  const root = makeFolder();
  const installed = join(root, 'etc/systemd/system');
  cpSync(units, installed, { recursive: true });
  mkdirSync(join(root, 'usr/bin'), { recursive: true });
  writeFileSync(join(root, 'usr/bin/node'), '');
  chmodSync(join(root, 'usr/bin/node'), 0o755);
  const own = ['/usr/lib/systemd/system', '/lib/systemd/system'].find((path) => existsSync(path));
  assert.ok(own, 'the units of systemd itself are installed');
  cpSync(own, join(root, 'usr/lib/systemd/system'), { recursive: true, verbatimSymlinks: true });
  const names = ['queuepass@1.service', 'queuepass@1.socket', 'queuepass.service', 'queuepass.socket'];
  // systemd only warns about an unknown setting, so the output must be empty.
  assert.deepEqual(analyze('verify', '--man=no', `--root=${root}`, ...names), { status: 0, text: '' });
}

/** systemd's exposure level, from 0 to 10, estimates what an attacker gains by breaking into the service. */
export async function checkExposure(): Promise<string> {
  const levels = ['queuepass@.service', 'queuepass.service'].map((name) => {
    const { status, text } = analyze('security', '--offline=yes', '--threshold=20', join(units, name));
    assert.equal(status, 0, text);
    return /Overall exposure level.*: ([\d.]+)/.exec(text)?.[1];
  });
  return `exposure ${levels.join(' and ')}`;
}

/** The units of a single process differ from those of one process of several only in names, sockets and ports. */
export async function checkUnitsAreAlike(): Promise<void> {
  for (const kind of ['service', 'socket']) {
    const several = readLines(`queuepass@.${kind}`).map((line) =>
      line
        .replaceAll('queuepass@%i.', 'queuepass.')
        .replace('/run/queuepass/%i.sock', '/run/queuepass.sock')
        .replace('909%i', '9091')
        .replace(' process %i', ''),
    );
    assert.deepEqual(readLines(`queuepass.${kind}`), several);
  }
}

/** The settings of a unit file, without comments and empty lines. */
function readLines(name: string): string[] {
  const lines = readFileSync(join(units, name), 'utf8').split('\n');
  return lines.filter((line) => line !== '' && !line.startsWith('#'));
}

/** The values of a setting in a unit file, in order. */
export function readUnitSetting(name: string, setting: string): string[] {
  return readLines(name).flatMap((line) =>
    line.startsWith(`${setting}=`) ? line.slice(setting.length + 1).split(' ') : [],
  );
}
