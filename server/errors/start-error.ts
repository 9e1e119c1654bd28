/**
 * Reports why Queuepass cannot start, or cannot keep running, in words that its operator can act on. The entry points
 * print `message` without a stack and exit with a status other than 0.
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

/** The disk of the data directory is full. */
export class DiskFullError extends StartError {
  override readonly name = 'DiskFullError';
}
