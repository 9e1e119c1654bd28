import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
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
  const names = ['queuepass@1.service', 'queuepass@1.socket'];
  // systemd only warns about an unknown setting, so the output must be empty.
  assert.deepEqual(analyze('verify', '--man=no', `--root=${root}`, ...names), { status: 0, text: '' });
}

/** systemd's exposure level, from 0 to 10, estimates what an attacker gains by breaking into the service. */
export async function checkExposure(): Promise<string> {
  const file = join(units, 'queuepass@.service');
  const { status, text } = analyze('security', '--offline=yes', '--threshold=20', file);
  assert.equal(status, 0, text);
  return `exposure ${/Overall exposure level.*: ([\d.]+)/.exec(text)?.[1]}`;
}
