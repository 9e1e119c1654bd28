import { setTimeout as wait } from 'node:timers/promises';
import type { Logger } from 'pino';
import { createApp } from '../app.js';
import {
  adoptionTables,
  type Config,
  createDeps,
  duties,
  endWaits,
  type ServerDeps,
  startAreas,
  stopAreas,
} from '../areas.js';
import { openConnection } from '../db/connect.js';
import { adoptAtStart } from '../migration/adopt-at-start.js';
import { type RunningDuties, runDuties } from '../periodic/run-duties.js';
import { type ListeningServer, listen } from './http-server.js';
import { type OnRefused, prepareDatabase } from './prepare-database.js';

/** The input of a process that answers requests. */
export interface ServingParts {
  config: Config;
  log: Logger;
  mongodbUri: string;
  /** Other processes listen on the same address, and another process manages its socket file. */
  sharesAddress?: boolean;
  /** Ends the process. Called if MongoDB was not reachable at the start, and a later attempt finds that this process must not serve. */
  onRefused: OnRefused;
}

/** A process that answers requests. */
export interface Serving {
  deps: ServerDeps;
  listening: ListeningServer;
  duties: RunningDuties;
}

/** Prepares the database, listens, and starts the duties. @throws StartError with a message of one line */
export async function startServing(parts: ServingParts): Promise<Serving> {
  const { config, log, mongodbUri, sharesAddress = false, onRefused } = parts;
  const deps = createDeps({ config, connection: openConnection(config, mongodbUri), log });
  await prepareDatabase(deps, onRefused);
  void adoptAtStart(deps, adoptionTables);
  startAreas(deps);
  const listening = await listen(createApp(deps).callback(), config.listen, {
    keepAliveSeconds: config.keepAliveSeconds,
    sharesAddress,
    onError: (error) => log.error({ err: error }, 'a connection could not be accepted'),
  });
  return { deps, listening, duties: runDuties(deps, duties) };
}

/** Milliseconds that closing the database may take; a frozen MongoDB would never respond. */
const closeTimeoutMs = 3000;

/** Answers the requests in flight and closes the database. @param stopOthers stops everything else that uses it */
export async function stopServing(
  { deps, listening, duties: running }: Serving,
  stopOthers: () => Promise<void> = async () => undefined,
): Promise<void> {
  await listening.drain(deps.config.drainSeconds, () => endWaits(deps));
  const close = async () => {
    await stopOthers();
    await running.stop();
    await stopAreas(deps);
  };
  await Promise.race([close(), wait(closeTimeoutMs)]);
}
