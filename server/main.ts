import { rmSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { createApp } from './app.js';
import { ensureAdminClient } from './clients/admin-client.js';
import { type Config, readConfig } from './config.js';
import { ConfigError } from './config-error.js';
import { createDeps, type OwnedDeps } from './create-deps.js';
import { type DataDir, ensureDataDir, ensureSigningKey, writeFileDurably } from './data-dir.js';
import { findMongodbUri, openConnection } from './db/connect.js';
import { type EmbeddedMongod, startEmbeddedMongod } from './db/embedded-mongod.js';
import { prepareDatabase } from './db/prepare-database.js';
import { StartError } from './db/start-error.js';
import { leaseDuty } from './leases/sweep-leases.js';
import { type MetricsServer, startMetricsServer } from './metrics/metrics-server.js';
import { adoptAtStart } from './migration/adopt-at-start.js';
import { type RunningDuties, runDuties } from './periodic/run-duties.js';
import { type ListeningServer, listen } from './http-server.js';
import { createLog } from './log.js';
import { listStartWarnings } from './start-warnings.js';
import { onStopSignals } from './stop-signals.js';
import { createSystemdNotifier } from './systemd-notify.js';

/** Lines for the person at the terminal; the log goes to standard output. */
function report(line: string): void {
  process.stderr.write(`${line}\n`);
}

interface Embedded {
  dataDir: DataDir;
  mongod: EmbeddedMongod;
}

/** All that runs once the server serves. */
interface Running {
  deps: OwnedDeps;
  listening: ListeningServer;
  /** Absent when their port cannot be had. */
  metrics: MetricsServer | undefined;
  duties: RunningDuties;
  embedded: Embedded | undefined;
}

/** Starts the server with the settings of this process and serves until a signal ends it. */
export async function serve(): Promise<void> {
  // The reader of a pipe, such as `tee`, is gone before us after Ctrl-C: the drain must not fail over that.
  process.stderr.on('error', () => undefined);
  try {
    await run(readConfig(process.env));
  } catch (error) {
    for (const problem of listProblems(error)) report(`queuepass: ${problem}`);
    process.exit(1);
  }
}

function listProblems(error: unknown): readonly string[] {
  if (error instanceof ConfigError) return error.problems;
  if (error instanceof StartError) return [error.message];
  return [`cannot start: ${error instanceof Error ? error.message : String(error)}`];
}

async function run(config: Config): Promise<void> {
  const log = createLog(config);
  for (const warning of listStartWarnings(config)) {
    log.warn(warning);
    // At each start, also where the log keeps silent about it.
    if (!log.isLevelEnabled('warn')) report(`Warning: ${warning}`);
  }
  // npm and npx set it for what they run.
  const underNpm = process.env.npm_lifecycle_event !== undefined;
  const stop = onStopSignals(process, { report, underNpm });
  const embedded = config.embedded ? await startEmbedded(config, log) : undefined;
  try {
    const running = await startServing(config, log, embedded);
    const systemd = process.env.NOTIFY_SOCKET ? createSystemdNotifier(process.env, log) : undefined;
    stop.onFirst(() => {
      systemd?.stopping();
      return shutDown(running);
    });
    systemd?.ready(`Listens on ${running.listening.url}${config.basePath}`);
  } catch (error) {
    await embedded?.mongod.stop();
    throw error;
  }
}

async function startEmbedded(config: Config, log: Logger): Promise<Embedded> {
  const dataDir = ensureDataDir(config.dataDir);
  const onGone = (error: Error) => {
    log.fatal({ err: error }, 'the embedded MongoDB is gone');
    report(`queuepass: ${error.message}`);
    process.exit(1);
  };
  const mongod = await startEmbeddedMongod({
    dataDir: dataDir.path,
    environment: process.env,
    report,
    onGone,
  });
  return { dataDir, mongod };
}

async function startServing(config: Config, log: Logger, embedded: Embedded | undefined): Promise<Running> {
  const uri = embedded?.mongod.uri ?? (findMongodbUri(config) as string);
  const signingKey = config.jwtSigningKey ?? (embedded && ensureSigningKey(embedded.dataDir)) ?? '';
  const deps = createDeps({ config, connection: openConnection(config, uri), log, signingKey });
  await prepareDatabase(deps);
  void adoptAtStart(deps);
  deps.agentWatch.start();
  const listening = await listen(createApp(deps).callback(), config.listen, {
    keepAliveSeconds: config.keepAliveSeconds,
    onError: (error) => log.error({ err: error }, 'a connection could not be accepted'),
  });
  const url = `${listening.url}${config.basePath}`;
  if (embedded) writeFileDurably(embedded.dataDir.serverUrlFile, `${url}\n`);
  // Last, so that a first start that fails over its port does not use up the one time that the key is named.
  const isFirstStart =
    embedded !== undefined && (await ensureAdminClient(deps.collections, embedded.dataDir.adminKeyFile));
  const metrics = await serveMetrics(deps);
  const lines = [
    `Queuepass listens on ${url}`,
    ...(metrics ? [`Metrics are at ${metrics.url}`] : []),
    ...(isFirstStart ? presentGreeting(embedded) : []),
  ];
  report(lines.join('\n'));
  return { deps, listening, metrics, duties: runDuties(deps, [leaseDuty]), embedded };
}

/** Without its metrics a server serves all the same. */
async function serveMetrics(deps: OwnedDeps): Promise<MetricsServer | undefined> {
  try {
    return await startMetricsServer(deps);
  } catch (error) {
    const warning = `no metrics: ${(error as Error).message}`;
    deps.log.warn(warning);
    report(`Warning: ${warning}`);
    return undefined;
  }
}

function presentGreeting({ dataDir }: Embedded): string[] {
  return [
    `The key of the client testflinger-admin is in ${dataDir.adminKeyFile}`,
    `Next, in another terminal: npx queuepass client add lab-ci --max-priority '*=1' --max-priority q1=50`,
  ];
}

/** Milliseconds that the way out of the database may take; a frozen MongoDB would not answer at all. */
const closeWithinMs = 3000;

async function shutDown({ deps, listening, metrics, duties, embedded }: Running): Promise<void> {
  const { drainSeconds } = deps.config;
  report(
    `Ending: no new connections; requests in flight have ${drainSeconds} s (a second signal ends at once)`,
  );
  await listening.drain(drainSeconds, () => deps.endWaits());
  // Nobody is to show the admin key to whatever listens there next.
  if (embedded) rmSync(embedded.dataDir.serverUrlFile, { force: true });
  const close = async () => {
    await metrics?.close();
    await duties.stop();
    await deps.close();
  };
  await Promise.race([close(), wait(closeWithinMs)]);
  await embedded?.mongod.stop();
  process.exit(0);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await serve();
