/** One error that the server can return: a code for programs and a message for people. */
export interface ErrorRow {
  /** Names the error in logs and in the error bodies of some families; unique across all areas. */
  code: string;
  /** HTTP status. */
  status: number;
  /** The public message; absent if each message contains values. */
  message?: string;
  /** The name of the security event that is logged when a request is refused with this error. */
  audit?: string;
}

/** The errors of an area, keyed by the names that its code uses. */
export type ErrorRows = Readonly<Record<string, ErrorRow>>;
