import type { Db } from 'mongodb';
import type { Logger } from 'pino';
import { Registry } from 'prom-client';
import { agentsArea } from './agents/area.js';
import { createApiPageArea } from './api-page/area.js';
import { auditArea } from './audit/area.js';
import { authArea } from './auth/area.js';
import { claimsArea } from './claims/area.js';
import { clientsArea } from './clients/area.js';
import { listWarnings, readSettings } from './config/read-settings.js';
import type { ReadOptions, SettingGroup, SettingRow } from './config/setting-row.js';
import type { AdoptionStep, Survey } from './core/adoption.js';
import type { AreaRows } from './core/area.js';
import { createAudit } from './core/audit.js';
import type { Clock } from './core/clock.js';
import type { Connection, Core } from './core/core.js';
import { coreSettings } from './core/core-settings.js';
import type { Duty } from './core/duty.js';
import { createMetrics } from './core/metric-registry.js';
import type { MetricRow } from './core/metric-row.js';
import type { TokenKind } from './core/token-kind.js';
import { databaseArea } from './db/area.js';
import { DatabaseClock } from './db/database-clock.js';
import type { StoredIndexRow } from './db/indexes.js';
import type { ErrorRow } from './errors/error-row.js';
import type { ErrorFamily } from './errors/families.js';
import { type BodyQuirk, createJsonFamily } from './errors/json-family.js';
import { filesArea } from './files/area.js';
import { healthArea } from './health/area.js';
import { htmlArea } from './html/area.js';
import { httpArea } from './http/area.js';
import type { ApiDescription } from './http/openapi.js';
import type { AnyRoute } from './http/route.js';
import type { CredentialSchemes } from './http/scheme.js';
import { hubArea } from './hub/area.js';
import { jobArea } from './job/area.js';
import { jobsArea } from './jobs/area.js';
import { leasesArea } from './leases/area.js';
import { logsArea } from './logs/area.js';
import { metricsArea } from './metrics/area.js';
import { mongodArea } from './mongod/area.js';
import { peopleArea } from './people/area.js';
import { periodicArea } from './periodic/area.js';
import { queuesArea } from './queues/area.js';
import { resultsArea } from './results/area.js';
import { scrubbingArea } from './scrubbing/area.js';
import { secretsArea } from './secrets/area.js';
import { sessionsArea } from './sessions/area.js';
import { webArea } from './web/area.js';

/** Every area, the lowest first: services are made and started in this order, and stopped in the reverse order. */
const areaList = [
  databaseArea,
  filesArea,
  periodicArea,
  mongodArea,
  hubArea,
  httpArea,
  htmlArea,
  auditArea,
  authArea,
  clientsArea,
  sessionsArea,
  peopleArea,
  jobArea,
  scrubbingArea,
  logsArea,
  secretsArea,
  leasesArea,
  claimsArea,
  queuesArea,
  agentsArea,
  jobsArea,
  resultsArea,
  metricsArea,
  healthArea,
  createApiPageArea(() => apiDescription),
  webArea,
] as const;

type Intersect<U> = (U extends unknown ? (value: U) => void : never) extends (value: infer I) => void
  ? I
  : never;

/** The dependencies of a whole server; each function takes only the part that its signature names. */
export type ServerDeps = Core & Intersect<NonNullable<(typeof areaList)[number]['adds']>>;

/** The collections of a database, keyed by the names that code uses. */
export type Collections = ServerDeps['collections'];

/** The settings of a server, read and checked. */
export type Config = ServerDeps['config'];

/** The areas, typed so that each function accepts the dependencies of a whole server. */
const areas: readonly (AreaRows<ServerDeps, AnyRoute<ServerDeps>> & {
  createServices?: (deps: ServerDeps) => object;
})[] = areaList;

/** Merges one kind of rows of all areas. @throws Error if two areas use the same key, which would hide one of the rows */
function mergeDistinct(kind: string, rowsOf: (area: (typeof areas)[number]) => object | undefined): object {
  const merged: Record<string, unknown> = {};
  for (const area of areas) {
    for (const [key, row] of Object.entries(rowsOf(area) ?? {})) {
      if (key in merged) throw new Error(`the area ${area.name} repeats the ${kind} ${key} of another area`);
      merged[key] = row;
    }
  }
  return merged;
}

/** Every route; the router, authorization, validation, OpenAPI and the role matrix are made from this list. */
export const routes: readonly AnyRoute<ServerDeps>[] = areas.flatMap((area) => area.routes ?? []);

/** Every kind of token. */
export const tokenKinds: readonly TokenKind[] = areas.flatMap((area) => Object.values(area.tokenKinds ?? {}));

/** Every credential scheme, keyed by the name that routes use. */
export const schemes = mergeDistinct('scheme', (area) => area.schemes) as CredentialSchemes<ServerDeps>;

/** Every exception to the usual JSON of an error. */
export const quirks: readonly BodyQuirk[] = areas.flatMap((area) => area.quirks ?? []);

/** Every error family. */
export const errorFamilies: readonly ErrorFamily[] = [
  createJsonFamily({ name: 'v1', prefixes: ['/'], includesRequestId: false, quirks }),
  createJsonFamily({ name: 'own', prefixes: [], includesRequestId: true, quirks }),
  ...areas.flatMap((area) => area.families ?? []),
];

/** The input of the OpenAPI document. */
export const apiDescription: ApiDescription = {
  routes: routes as readonly AnyRoute[],
  families: errorFamilies,
  schemes: schemes as CredentialSchemes<never>,
};

/** Every error that the server can return. */
export const errorRows: readonly ErrorRow[] = areas.flatMap((area) => Object.values(area.errors ?? {}));

/** Every metric, keyed by its name in the code. */
export const metricRows = mergeDistinct('metric', (area) => area.metrics) as Record<string, MetricRow>;

/** The collections of every area: the names that code uses, and the names in the database. */
const collectionNames = mergeDistinct('collection', (area) => area.collections) as Record<string, string>;

/** Every index, with the database's name of its collection. */
export const indexTable: readonly StoredIndexRow[] = areas.flatMap((area) =>
  (area.indexes ?? []).map((row) => ({ ...row, collectionName: collectionNames[row.collection] as string })),
);

/** The settings of every area. */
const settingGroups: readonly SettingGroup[] = [
  coreSettings,
  ...areas.flatMap((area) => area.settings ?? []),
];

/** Every setting, in the order of the reference page. */
export const settingRows: readonly SettingRow<unknown>[] = settingGroups.flatMap(({ rows }) =>
  Object.values(rows),
);

/** Every count in the database that a scrape of the metrics runs. */
export const measures = areas.flatMap((area) => area.measures ?? []);

/** Every periodic duty. */
export const duties: readonly Duty<ServerDeps>[] = areas.flatMap((area) => area.duties ?? []);

/** The tables that `queuepass doctor` and `queuepass migrate` use. */
export const adoptionTables = {
  surveys: mergeDistinct('survey', (area) => area.surveys) as Record<string, Survey>,
  adoption: areas.flatMap((area): readonly AdoptionStep[] => area.adoption ?? []),
  indexes: indexTable,
  collections: Object.values(collectionNames),
};

/**
 * Reads every setting from `environment`.
 * @param options.signingKeyRequired false for a caller that signs no tokens, such as a command that only uses the database
 * @throws ConfigError that lists all invalid settings together; it never contains the value of a secret
 */
export function readConfig(
  environment: NodeJS.ProcessEnv,
  options: ReadOptions = { signingKeyRequired: true },
): Config {
  return readSettings(settingGroups, environment, options) as unknown as Config;
}

/** Lists the warnings that each start prints: settings that are allowed but may be a mistake. */
export function listStartWarnings(config: Config): string[] {
  return listWarnings(settingGroups, config);
}

/** Opens the collections of one database, keyed by the names that code uses. */
export function openCollections(db: Db): Collections {
  return Object.fromEntries(
    Object.entries(collectionNames).map(([key, name]) => [key, db.collection(name)]),
  ) as unknown as Collections;
}

/** The parts that the dependencies of a process are made from. */
export interface Parts {
  config: Config;
  connection: Connection;
  log: Logger;
  /** The clock; by default the process's clock, corrected by the database's clock. */
  clock?: Clock;
  /** Services that replace those of the areas. */
  overrides?: Partial<ServerDeps>;
}

/** Makes the services of every area, without any I/O. */
export function createDeps({ config, connection, log, clock, overrides = {} }: Parts): ServerDeps {
  const registry = new Registry();
  const deps = {
    config,
    connection,
    log,
    clock: clock ?? new DatabaseClock(connection.db),
    audit: createAudit(log, (event) => deps.auditTrail.store(event)),
    collections: openCollections(connection.db),
    metrics: { ...createMetrics(registry, metricRows), registry, beforeScrape: [] },
    removeClientData: (clientId: string) => removeClientData(deps, clientId),
    secretRehashed: (clientId: string, digests: { before: string; after: string }) =>
      Promise.all(areas.map(async (area) => area.secretRehashed?.(deps, clientId, digests))),
  } as unknown as ServerDeps;
  for (const area of areas) Object.assign(deps, area.createServices?.(deps), pickCreated(overrides, deps));
  return deps;
}

/** Returns the overrides of services that have been made already. */
function pickCreated(overrides: Partial<ServerDeps>, deps: ServerDeps): Partial<ServerDeps> {
  return Object.fromEntries(Object.entries(overrides).filter(([key]) => key in deps)) as Partial<ServerDeps>;
}

/** Prepares the database of every area. */
export async function prepareAreas(deps: ServerDeps): Promise<void> {
  for (const area of areas) await area.prepare?.(deps);
}

/** Starts the background work of every area. */
export function startAreas(deps: ServerDeps): void {
  for (const area of areas) area.start?.(deps);
}

/** Makes all waiting requests return at once, because the process is stopping. */
export function endWaits(deps: ServerDeps): void {
  for (const area of areas) area.endWaits?.(deps);
}

/** Stops every area, the highest first. */
export async function stopAreas(deps: ServerDeps): Promise<void> {
  for (const area of [...areas].reverse()) await area.stop?.(deps);
}

/** Removes everything that belongs to a client, in every area. @throws the first error, after all areas have tried */
async function removeClientData(deps: ServerDeps, clientId: string): Promise<void> {
  const removals = await Promise.allSettled(
    areas.map(async (area) => area.removeClientData?.(deps, clientId)),
  );
  for (const removal of removals) if (removal.status === 'rejected') throw removal.reason;
}
