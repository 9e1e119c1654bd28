import type { ErrorRows } from '../errors/error-row.js';
import type { ErrorFamily } from '../errors/families.js';
import type { BodyQuirk } from '../errors/json-family.js';
import type { SettingGroup } from '../config/setting-row.js';
import type { AdoptionStep, Survey } from './adoption.js';
import type { Core } from './core.js';
import type { Duty } from './duty.js';
import type { IndexRow } from './index-row.js';
import type { MetricRows } from './metric-row.js';

/** The rows of an area, and what it does at the start and at the end. `D` is what its functions take of the dependencies. */
export interface AreaRows<D, Route> {
  name: string;
  settings?: SettingGroup;
  /** The collections, by the names that code uses; the values are the names in the database. */
  collections?: Readonly<Record<string, string>>;
  indexes?: readonly IndexRow[];
  errors?: ErrorRows;
  /** Errors that a JSON family does not present as its usual JSON. */
  quirks?: readonly BodyQuirk[];
  /** Families of errors of the area's own. */
  families?: readonly ErrorFamily[];
  metrics?: MetricRows;
  /** Counts in the database, run at a scrape and at most once in ten seconds. `timeoutMS` is the time each may take. */
  measures?: readonly ((deps: D, timeoutMS: number) => Promise<void>)[];
  duties?: readonly Duty<D>[];
  /** Credential schemes, by the names that routes use. */
  schemes?: Readonly<Record<string, unknown>>;
  routes?: readonly Route[];
  /** Prepares the database: runs before the server listens, and again and again while MongoDB is away. */
  prepare?: (deps: D) => Promise<void>;
  /** Begins what runs in the background. */
  start?: (deps: D) => void;
  /** The process drains: answers the requests that wait for something. */
  endWaits?: (deps: D) => void;
  /** Ends what runs; the areas above have stopped. */
  stop?: (deps: D) => Promise<void>;
  /** Removes what ends with a client, such as its keys. Can run twice. */
  removeClientData?: (deps: D, clientId: string) => Promise<void>;
  /** What `queuepass doctor` looks at, by the name of the collection; a name that ends with a dot is a prefix. */
  surveys?: Readonly<Record<string, Survey>>;
  /** What `queuepass migrate` and the first start do to the documents of an existing database. */
  adoption?: readonly AdoptionStep[];
}

/**
 * An area: a folder of server/ that brings its own rows and makes its own services. `areas.ts` lists all of them, from
 * the ground up, and everything central is composed from that list. Every field but the name may be left out.
 *
 * `Services` is what the area adds to the dependencies that functions take, its settings (`config`), collections and
 * metrics included; `Needs` is what its services take of the core and of the areas below.
 */
export interface Area<Services extends object = object, Needs = Core, Route = never>
  extends AreaRows<Needs & Services, Route> {
  /** Only for the type checker, never set: what the area adds. */
  adds?: Services;
  /** Makes the services; nothing is read or sent yet. */
  createServices?: (deps: Needs) => Omit<Services, 'config' | 'collections' | 'metrics'>;
}
