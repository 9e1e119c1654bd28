import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { makeFolder } from './own-mongod.js';
import type { Owner } from './server-process.js';

const unshare = ['--user', '--map-root-user', '--mount'];

/** Returns whether this user can mount a file system in a private mount namespace. */
export function canMount(): boolean {
  const mount = ['sh', '-c', 'mount -t tmpfs -o size=1m tmpfs /mnt'];
  return process.platform === 'linux' && spawnSync('unshare', [...unshare, ...mount]).status === 0;
}

/**
 * A small disk mounted on a directory. Only commands made by `seenBy` see it. It is unmounted when this process ends.
 */
export class SmallDisk {
  readonly folder = makeFolder();
  readonly #holder: ChildProcess;

  private constructor(mebibytes: number) {
    // `cat` ends when this process ends for any reason, and the mount is removed with it.
    const script = `mount -t tmpfs -o size=${mebibytes}m tmpfs "$1" && echo mounted && exec cat`;
    const command = ['sh', '-c', script, 'sh', this.folder];
    this.#holder = spawn('unshare', [...unshare, ...command], { stdio: ['pipe', 'pipe', 'inherit'] });
  }

  static async mount(t: Owner, mebibytes: number): Promise<SmallDisk> {
    const disk = new SmallDisk(mebibytes);
    t.teardown(() => disk.#holder.kill());
    await once(disk.#holder.stdout as NodeJS.ReadableStream, 'data');
    return disk;
  }

  /** Returns the command prefixed so that it sees the disk. */
  seenBy(command: readonly string[]): string[] {
    const place = ['--target', String(this.#holder.pid), '--user', '--preserve-credentials', '--mount'];
    return ['nsenter', ...place, ...command];
  }

  /** The path of the disk for processes outside its mount namespace. */
  get outside(): string {
    return `/proc/${this.#holder.pid}/root${this.folder}`;
  }

  /** Fills the rest of the disk. Frees that space again when called with `false`. */
  fill(isFull: boolean): void {
    const filler = `${this.folder}/filler`;
    const script = isFull ? `dd if=/dev/zero of=${filler} bs=64k 2>/dev/null || true` : `rm ${filler}`;
    const [program = '', ...rest] = this.seenBy(['sh', '-c', script]);
    const { status, stderr } = spawnSync(program, rest, { encoding: 'utf8' });
    if (status !== 0) throw new Error(stderr);
  }
}
