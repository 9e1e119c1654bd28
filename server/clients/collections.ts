import type { Collection } from 'mongodb';

/** A client that was removed, while its data, such as its secrets, may still exist. */
export interface EndingClient {
  /** The client id. */
  _id: string;
  /** The secrets namespace: until then, no new client may share it. */
  namespace: string;
  /** A process removes the data until then; absent if it could not. */
  busy_until?: Date;
  /** A process makes the record of a new client, instead of removing one. */
  making?: true;
}

/** The collection of removed clients whose data still have to be removed. */
export interface ClientCollections {
  endingClients: Collection<EndingClient>;
}

/** The collection's name in the database. */
export const clientCollections = { endingClients: 'ending_clients' } satisfies Record<
  keyof ClientCollections,
  string
>;
