import { type ChildProcess, spawn } from 'node:child_process';

/** The watcher's exit code if another process uses the data directory; mongod itself does not use this code. */
export const LOCK_HELD_EXIT_CODE = 98;
/** The watcher's exit code if it cannot create the lock file; mongod was not started. */
export const NO_LOCK_EXIT_CODE = 97;

/*
 * The watcher. Its standard input is a pipe from our process, from which it reads a line or, if our process died, the
 * end of the pipe. Before it starts mongod, which could replace the socket of a running one, it takes a lock that the
 * kernel releases when both the watcher and mongod have ended. It waits for the dead mongod only after `kill`, so that
 * the process id cannot belong to another process by then. The line `gone` means that mongod ended by itself. Only mongod
 * has the standard output open, so its end shows our process that mongod has ended.
 */
const WATCHER = `
umask 077
lock=$1 log=$2; shift 2
exec 9>"$lock" || exit ${NO_LOCK_EXIT_CODE}
if command -v flock >/dev/null; then flock -n 9 || exit ${LOCK_HELD_EXIT_CODE}; fi
[ ! -f "$log" ] || mv -f "$log" "$log.1"
"$@" --logpath "$log" </dev/null 2>&1 &
mongod=$!
echo "pid $mongod"
exec >/dev/null
trap '' TERM INT HUP
order=
read -r order
if [ "$order" != gone ]; then
  kill -TERM "$mongod" 2>/dev/null
  polls=0
  while [ "$polls" -lt 200 ] && kill -0 "$mongod" 2>/dev/null; do sleep 0.05; polls=$((polls + 1)); done
  [ "$polls" -lt 200 ] || kill -KILL "$mongod" 2>/dev/null
fi
wait "$mongod"
`;

/** How mongod ended: its exit code or signal, and the text that it printed before it opened its log. */
export interface MongodExit {
  code: number | null;
  signal: NodeJS.Signals | null;
  printed: string;
}

/** A mongod under its watcher. */
export interface MongodProcess {
  /** Resolves when mongod and the watcher have ended; never rejects. */
  ended: Promise<MongodExit>;
  /** Stops mongod (SIGTERM, SIGKILL after 10 s) and resolves when it has ended. */
  stop(): Promise<MongodExit>;
}

/**
 * Starts mongod in its own session, so that Ctrl-C does not reach it, under a watcher that stops it when this process
 * ends. `command` is the binary and its arguments without `--logpath`.
 */
export function startMongodProcess(command: string[], lockPath: string, logPath: string): MongodProcess {
  const child = spawn('/bin/sh', ['-c', WATCHER, 'queuepass-mongod', lockPath, logPath, ...command], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const output = collectOutput(child);
  // The watcher may have ended when we write to it.
  child.stdin?.on('error', () => undefined);
  child.stdout?.once('end', () => child.stdin?.end('gone\n'));
  const ended = new Promise<MongodExit>((resolve) => {
    child.once('error', (error) => resolve({ code: null, signal: null, printed: error.message }));
    child.once('exit', (code, signal) => {
      if (child.stdout?.readableEnded === false) endOrphan(output.text);
      output.whenEnded(() => resolve({ code, signal, printed: output.text.replace(/^pid .*\n/, '') }));
    });
  });
  const stop = (): Promise<MongodExit> => {
    child.stdin?.end('stop\n');
    return ended;
  };
  return { ended, stop };
}

function collectOutput(child: ChildProcess): { text: string; whenEnded: (then: () => void) => void } {
  const output = { text: '', whenEnded: (then: () => void) => void child.once('close', then) };
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      output.text = (output.text + text).slice(0, 10_000);
    });
  }
  return output;
}

// Someone killed only the watcher, and nothing else stops its mongod.
function endOrphan(text: string): void {
  const pid = Number(/^pid (\d+)/.exec(text)?.[1]);
  if (!pid) return;
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}
