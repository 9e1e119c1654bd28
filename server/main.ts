import cluster from 'node:cluster';
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { type Config, listStartWarnings, measures, openCollections, readConfig } from './areas.js';
import { ensureAdminClient } from './clients/admin-client.js';
import { ConfigError } from './config/config-error.js';
import { writeFileDurably } from './core/durable-file.js';
import { openConnection } from './db/connect.js';
import { findMongodbUri } from './db/mongodb-uri.js';
import { StartError } from './errors/start-error.js';
import { MetricsReader } from './metrics/metrics-reader.js';
import { type MetricsServer, startMetricsServer } from './metrics/metrics-server.js';
import { type EmbeddedMongod, startEmbeddedMongod } from './mongod/embedded-mongod.js';
import { type DataDir, ensureDataDir } from './process/data-dir.js';
import { createLog } from './process/log.js';
import { startServing, stopServing } from './process/serving.js';
import { withSigningKey } from './process/signing-key.js';
import { onStopSignals } from './process/stop-signals.js';
import { createSystemdNotifier } from './process/systemd-notify.js';
import { reportFailure, serveAsWorker } from './process/worker.js';
import { startWorkers } from './process/workers.js';
import { findOneTimePage, makeOneTimeLink } from './sessions/one-time-link.js';

/** Prints a line at the terminal, on standard error; the log goes to standard output. */
function report(line: string): void {
  process.stderr.write(`${line}\n`);
}

interface Embedded {
  dataDir: DataDir;
  mongod: EmbeddedMongod;
}

/** The server that answers requests: this process, or the workers that it started. */
interface Serving {
  url: string;
  readMetrics(): Promise<string>;
  /** Stops the server. @param stopOthers stops everything else that this process runs */
  stop(stopOthers: () => Promise<void>): Promise<void>;
}

/** Everything that runs once the server has started. */
interface Running {
  serving: Serving;
  url: string;
  /** Absent if the metrics port cannot be used. */
  metrics: MetricsServer | undefined;
  embedded: Embedded | undefined;
}

/** Starts the server with the settings of this process and serves until a signal stops it. */
export async function serve(): Promise<void> {
  // After Ctrl-C the reader of a pipe, such as `tee`, ends before this process: the shutdown must not fail because of it.
  process.stderr.on('error', () => undefined);
  try {
    const config = readConfig(process.env);
    await (cluster.isWorker ? serveAsWorker(config, process.exit) : run(config));
  } catch (error) {
    if (cluster.isWorker) await reportFailure(listProblems(error).join('\n'));
    else for (const problem of listProblems(error)) report(`queuepass: ${problem}`);
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
    // Each start shows the warnings, even if the log level hides them.
    if (!log.isLevelEnabled('warn')) report(`Warning: ${warning}`);
  }
  // npm and npx set this variable for the programs that they run.
  const underNpm = process.env.npm_lifecycle_event !== undefined;
  const stop = onStopSignals(process, { report, underNpm });
  const embedded = config.embedded ? await startEmbedded(config, log) : undefined;
  try {
    const running = await start(config, log, embedded);
    const systemd = process.env.NOTIFY_SOCKET ? createSystemdNotifier(process.env, log) : undefined;
    stop.onFirst(() => {
      systemd?.stopping();
      return shutDown(config, running);
    });
    systemd?.ready(`Listening on ${running.url}`);
  } catch (error) {
    await embedded?.mongod.stop();
    throw error;
  }
}

async function startEmbedded(config: Config, log: Logger): Promise<Embedded> {
  const dataDir = ensureDataDir(config.dataDir);
  const onFailed = (error: Error) => endAtOnce(log, error, 'the embedded MongoDB could not be kept running');
  const mongod = await startEmbeddedMongod({
    dataDir: dataDir.path,
    environment: process.env,
    report,
    onFailed,
  });
  return { dataDir, mongod };
}

/** Ends this process, and its workers and MongoDB with it, because it cannot go on. */
function endAtOnce(log: Logger, error: Error, message: string): void {
  log.fatal({ err: error }, message);
  report(`queuepass: ${error.message}`);
  process.exit(1);
}

async function start(config: Config, log: Logger, embedded: Embedded | undefined): Promise<Running> {
  const serving = await startServers(config, log, embedded);
  const url = `${serving.url}${config.basePath}`;
  if (embedded) writeFileDurably(embedded.dataDir.serverUrlFile, `${url}\n`);
  // Last: the key's file is named only once, and a first start that fails because of its port must not use that up.
  const admin = embedded && (await prepareAdmin(config, embedded, serving.url));
  const metrics = await serveMetrics(config, log, serving);
  const lines = [
    `Queuepass listens on ${url}${config.workers > 1 ? ` (${config.workers} workers)` : ''}`,
    ...(metrics ? [`Metrics are at ${metrics.url}`] : []),
    ...(admin?.link === undefined ? [] : [`Sign in as the admin, once and within 15 minutes: ${admin.link}`]),
    ...(embedded && admin?.isNew ? presentGreeting(embedded) : []),
  ];
  report(lines.join('\n'));
  return { serving, url, metrics, embedded };
}

async function startServers(config: Config, log: Logger, embedded: Embedded | undefined): Promise<Serving> {
  const complete = embedded ? withSigningKey(config, embedded.dataDir) : config;
  const onRefused = (error: StartError) => endAtOnce(log, error, 'the database refuses this server');
  if (config.workers > 1) {
    const workers = await startWorkers(config, log, { program: process.argv[1] as string, onRefused });
    return {
      ...workers,
      async stop(stopOthers) {
        await workers.stop();
        await stopOthers();
      },
    };
  }
  const mongodbUri = embedded?.mongod.uri ?? (findMongodbUri(config) as string);
  const serving = await startServing({ config: complete, log, mongodbUri, onRefused });
  const reader = new MetricsReader(serving.deps, measures);
  return {
    url: serving.listening.url,
    readMetrics: () => reader.readText(),
    stop: (stopOthers) =>
      stopServing(serving, async () => {
        reader.stop();
        await stopOthers();
      }),
  };
}

/** Creates the first admin of a data directory, unless it exists, and a link that signs in once if a terminal shows it. */
async function prepareAdmin(
  config: Config,
  { dataDir, mongod }: Embedded,
  serverUrl: string,
): Promise<{ isNew: boolean; link: string | undefined }> {
  const { client, db } = openConnection(config, mongod.uri);
  try {
    const collections = openCollections(db);
    const isNew = await ensureAdminClient(collections, dataDir.adminKeyFile);
    // People who can read a file or a log of the output must not be able to sign in.
    const page = process.stderr.isTTY ? findOneTimePage(config, serverUrl) : undefined;
    const link = page && `${page}#${await makeOneTimeLink(collections, new Date())}`;
    return { isNew, link };
  } finally {
    await client.close();
  }
}

/** Starts the metrics server; if that fails, the server runs without metrics. */
async function serveMetrics(
  config: Config,
  log: Logger,
  { readMetrics }: Serving,
): Promise<MetricsServer | undefined> {
  try {
    return await startMetricsServer({ config, log }, readMetrics);
  } catch (error) {
    const warning = `no metrics: ${(error as Error).message}`;
    log.warn(warning);
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

async function shutDown({ drainSeconds }: Config, { serving, metrics, embedded }: Running): Promise<void> {
  report(
    `Stopping: no new connections are accepted; requests in flight have ${drainSeconds} s (a second signal stops at once)`,
  );
  // The `queuepass` command must not send the admin key to another program that listens there later.
  const forgetUrl = () => embedded && rmSync(embedded.dataDir.serverUrlFile, { force: true });
  await serving.stop(async () => {
    forgetUrl();
    await metrics?.close();
  });
  await embedded?.mongod.stop();
  process.exit(0);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await serve();
