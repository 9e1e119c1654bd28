/** The time that all processes share. */
export interface Clock {
  now(): Date;
  /** An expression for the time at which a statement runs, by the database's clock, for use in that statement. */
  readonly inDatabase: Date | '$$NOW';
}
