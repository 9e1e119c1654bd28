/** One error that the server can answer: what a program reads, and what a person reads. */
export interface ErrorRow {
  /** Names the error in logs and in the error bodies of some families; unique over all areas. */
  code: string;
  /** HTTP status. */
  status: number;
  /** The public message; absent where each message has values in it. */
  message?: string;
  /** The security event that a refusal with this error is logged as. */
  audit?: string;
}

/** The errors of an area, by the names that its code uses. */
export type ErrorRows = Readonly<Record<string, ErrorRow>>;
