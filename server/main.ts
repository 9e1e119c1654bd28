import { fileURLToPath } from 'node:url';
import type { Logger } from 'pino';
import { createApp } from './app.js';
import { ensureAdminClient } from './clients/admin-client.js';
import { type Config, readConfig, signingKeyBytes } from './config.js';
import { ConfigError } from './config-error.js';
import { createDeps, type OwnedDeps } from './create-deps.js';
import { type DataDir, ensureDataDir, ensureSigningKey, writeFileDurably } from './data-dir.js';
import { findMongodbUri, openConnection } from './db/connect.js';
import { type EmbeddedMongod, startEmbeddedMongod } from './db/embedded-mongod.js';
import { prepareDatabase } from './db/prepare-database.js';
import { StartError } from './db/start-error.js';
import { type ListeningServer, listen } from './http-server.js';
import { createLog } from './log.js';
import { onStopSignals } from './stop-signals.js';

/** Lines for the person at the terminal; the log goes to standard output. */
function report(line: string): void {
  process.stderr.write(`${line}\n`);
}

interface Embedded {
  dataDir: DataDir;
  mongod: EmbeddedMongod;
}

/** Starts the server with the settings of this process and serves until a signal ends it. */
export async function serve(): Promise<void> {
  try {
    await run(readConfig(process.env));
  } catch (error) {
    if (error instanceof ConfigError) {
      for (const problem of error.problems) report(`queuepass: ${problem}`);
    } else if (error instanceof StartError) {
      report(`queuepass: ${error.message}`);
    } else {
      report(`queuepass: cannot start: ${error instanceof Error ? error.message : String(error)}`);
    }
    process.exit(1);
  }
}

async function run(config: Config): Promise<void> {
  const log = createLog(config);
  warn(config, log);
  const stop = onStopSignals(process, report);
  const embedded = config.embedded ? await startEmbedded(config, log) : undefined;
  const uri = embedded?.mongod.uri ?? (findMongodbUri(config) as string);
  const signingKey = config.jwtSigningKey ?? (embedded && ensureSigningKey(embedded.dataDir)) ?? '';
  const deps = createDeps({ config, connection: openConnection(config, uri), log, signingKey });
  await prepareDatabase(deps);
  const isFirstStart =
    embedded !== undefined && (await ensureAdminClient(deps.collections, embedded.dataDir.adminKeyFile));
  const listening = await listen(createApp(deps).callback(), config.listen);
  if (embedded) writeFileDurably(embedded.dataDir.serverUrlFile, `${listening.url}${config.basePath}\n`);
  report(`Queuepass listens on ${listening.url}${config.basePath}`);
  if (isFirstStart) greet(embedded);
  stop.onFirst(() => shutDown({ deps, listening, embedded }));
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

function greet({ dataDir }: Embedded): void {
  report(`The key of the client testflinger-admin is in ${dataDir.adminKeyFile}`);
  report(
    `Next, in another terminal: npx queuepass client add lab-ci --max-priority '*=1' --max-priority q1=50`,
  );
}

async function shutDown(parts: {
  deps: OwnedDeps;
  listening: ListeningServer;
  embedded: Embedded | undefined;
}): Promise<void> {
  const { drainSeconds } = parts.deps.config;
  report(
    `Ending: no new connections; requests in flight have ${drainSeconds} s (a second signal ends at once)`,
  );
  await parts.listening.drain(drainSeconds);
  await parts.deps.close();
  await parts.embedded?.mongod.stop();
  process.exit(0);
}

function warn(config: Config, log: Logger): void {
  const key = config.jwtSigningKey;
  if (key !== undefined && Buffer.byteLength(key) < signingKeyBytes) {
    log.warn(
      `JWT_SIGNING_KEY is under ${signingKeyBytes} bytes: tokens signed with it can be forged by trying keys`,
    );
  }
  const { listen: address, anonymousAccess, oidc } = config;
  const isLoopback =
    'path' in address || ('host' in address && /^(127\.|::1$|localhost$)/.test(address.host));
  if (anonymousAccess === 'allow' && !oidc && !isLoopback) {
    log.warn(
      'anyone who reaches this server may submit jobs without a token: set ANONYMOUS_ACCESS=deny to close that',
    );
  }
  if (config.withoutEffect.length > 0) {
    log.warn(`without effect in this version: ${config.withoutEffect.join(', ')}`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await serve();
