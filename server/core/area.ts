import type { SettingGroup } from '../config/setting-row.js';
import type { ErrorRows } from '../errors/error-row.js';
import type { ErrorFamily } from '../errors/families.js';
import type { BodyQuirk } from '../errors/json-family.js';
import type { AdoptionStep, Survey } from './adoption.js';
import type { Core } from './core.js';
import type { Duty } from './duty.js';
import type { IndexRow } from './index-row.js';
import type { MetricRows } from './metric-row.js';
import type { TokenKind } from './token-kind.js';

/** The rows of an area, and its functions for start and stop. `D` is the part of the dependencies that they use. */
export interface AreaRows<D, Route> {
  name: string;
  settings?: SettingGroup;
  /** The collections, keyed by the names that code uses; the values are the names in the database. */
  collections?: Readonly<Record<string, string>>;
  indexes?: readonly IndexRow[];
  errors?: ErrorRows;
  /** Exceptions to the usual JSON in which a family presents errors. */
  quirks?: readonly BodyQuirk[];
  /** The area's own error families. */
  families?: readonly ErrorFamily[];
  metrics?: MetricRows;
  /** Counts in the database, run at a scrape and at most once in ten seconds. `timeoutMS` limits each of them. */
  measures?: readonly ((deps: D, timeoutMS: number) => Promise<void>)[];
  duties?: readonly Duty<D>[];
  /** The kinds of tokens that the area issues. */
  tokenKinds?: Readonly<Record<string, TokenKind>>;
  /** Credential schemes, keyed by the names that routes use. */
  schemes?: Readonly<Record<string, unknown>>;
  routes?: readonly Route[];
  /** Prepares the database: runs before the server listens, and repeatedly while MongoDB is not available. */
  prepare?: (deps: D) => Promise<void>;
  /** Starts background work. */
  start?: (deps: D) => void;
  /** Makes waiting requests return at once, because the process is stopping. */
  endWaits?: (deps: D) => void;
  /** Stops the area's work; the areas above have stopped already. */
  stop?: (deps: D) => Promise<void>;
  /** Removes what belongs to a client that is being removed, such as its keys. It can run twice. */
  removeClientData?: (deps: D, clientId: string) => Promise<void>;
  /**
   * Keeps what a client got with its secret when the stored hash of the same secret is replaced.
   * @param digests hex of the SHA-256 of the hash before and after
   */
  secretRehashed?: (deps: D, clientId: string, digests: { before: string; after: string }) => Promise<void>;
  /** The checks of `queuepass doctor`, keyed by the name of the collection; a name that ends with a dot is a prefix. */
  surveys?: Readonly<Record<string, Survey>>;
  /** Steps that `queuepass migrate` and the first start run on the documents of an existing database. */
  adoption?: readonly AdoptionStep[];
}

/**
 * An area: a folder of server/ that has its own rows and makes its own services. `areas.ts` lists all areas, the lowest
 * first, and the server is composed from that list. Every field except the name is optional.
 *
 * `Services` is what the area adds to the dependencies of functions, including its settings (`config`), collections and
 * metrics. `Needs` is what its services use of the core and of the areas below.
 */
export interface Area<Services extends object = object, Needs = Core, Route = never>
  extends AreaRows<Needs & Services, Route> {
  /** The type of what the area adds. Never set: only the type checker uses it. */
  adds?: Services;
  /** Makes the services, without any I/O. */
  createServices?: (deps: Needs) => Omit<Services, 'config' | 'collections' | 'metrics'>;
}
