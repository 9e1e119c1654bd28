/** The time that all processes share. */
export interface Clock {
  now(): Date;
  /** The time at which a statement runs, as an expression in it: the database's own, which all processes share. */
  readonly inDatabase: Date | '$$NOW';
}
