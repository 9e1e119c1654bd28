/** An error that is printed in one line and names the next step. The command exits with status `exitCode`. */
export class CliError extends Error {
  readonly exitCode: number = 1;
}

/** The command was called with wrong arguments or environment variables. */
export class UsageError extends CliError {
  override readonly exitCode = 2;
}

/** The server returned an error with the HTTP status `status`; `message` contains the error's text. */
export class RefusedError extends CliError {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** The response does not look like one of Queuepass, which has no such route. */
export class ForeignResponseError extends CliError {
  constructor(
    readonly status: number | undefined,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Returns an error handler that rethrows every error, and adds `advice` to errors that the server returned with
 * `status`.
 */
export function adviseOn(status: number, advice: string): (error: unknown) => never {
  return (error) => {
    if (error instanceof RefusedError && error.status === status) {
      throw new RefusedError(status, `${error.message} ${advice}`);
    }
    throw error;
  };
}
