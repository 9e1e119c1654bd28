/**
 * A reason why Queuepass cannot start (or go on) that its operator can act on: the entry points print
 * `message`, without a stack, and end with a status that is not 0.
 */
export class StartError extends Error {
  override readonly name: string = 'StartError';
}

/** The data directory belongs to another running Queuepass. */
export class DataInUseError extends StartError {
  override readonly name = 'DataInUseError';
}

/** The data in the data directory was written by another series of MongoDB. */
export class WrongSeriesError extends StartError {
  override readonly name = 'WrongSeriesError';
}

/** No mongod can be found, downloaded or installed. */
export class NoMongodError extends StartError {
  override readonly name = 'NoMongodError';
}

/** The disk of the data folder has no room. */
export class DiskFullError extends StartError {
  override readonly name = 'DiskFullError';
}
