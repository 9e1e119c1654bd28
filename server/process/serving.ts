import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import { createApp } from '../app.js';
import type { Config } from '../config/config.js';
import { createDeps, type OwnedDeps } from '../create-deps.js';
import { openConnection } from '../db/connect.js';
import { prepareDatabase } from '../db/prepare-database.js';
import { type ListeningServer, listen } from './http-server.js';
import { leaseDuty } from '../leases/sweep-leases.js';
import { adoptAtStart } from '../migration/adopt-at-start.js';
import { type RunningDuties, runDuties } from '../periodic/run-duties.js';

/** What a process that answers requests is given. */
export interface ServingParts {
  config: Config;
  log: Logger;
  mongodbUri: string;
  signingKey: string;
  /** Other processes listen on the same address, and another one looks after its socket file. */
  sharesAddress?: boolean;
}

/** A process that answers requests. */
export interface Serving {
  deps: OwnedDeps;
  listening: ListeningServer;
  duties: RunningDuties;
}

/** Prepares the database, listens and begins the duties. @throws StartError with one clear line */
export async function startServing(parts: ServingParts): Promise<Serving> {
  const { config, log, mongodbUri, signingKey, sharesAddress = false } = parts;
  const deps = createDeps({ config, connection: openConnection(config, mongodbUri), log, signingKey });
  await prepareDatabase(deps);
  void adoptAtStart(deps);
  deps.agentWatch.start();
  const listening = await listen(createApp(deps).callback(), config.listen, {
    keepAliveSeconds: config.keepAliveSeconds,
    sharesAddress,
    onError: (error) => log.error({ err: error }, 'a connection could not be accepted'),
  });
  return { deps, listening, duties: runDuties(deps, [leaseDuty]) };
}

/** Milliseconds that the way out of the database may take; a frozen MongoDB would not answer at all. */
const closeWithinMs = 3000;

/** Answers what is in flight and lets go of the database. @param also ends what else uses it */
export async function stopServing(
  { deps, listening, duties }: Serving,
  also: () => Promise<void> = async () => undefined,
): Promise<void> {
  await listening.drain(deps.config.drainSeconds, () => deps.endWaits());
  const close = async () => {
    await also();
    await duties.stop();
    await deps.close();
  };
  await Promise.race([close(), wait(closeWithinMs)]);
}
