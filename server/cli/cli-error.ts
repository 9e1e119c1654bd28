/** A failure that is told in one line, whose text names the next step; the command ends with `exitCode`. */
export class CliError extends Error {
  readonly exitCode: number = 1;
}

/** The command was called in a wrong way. */
export class UsageError extends CliError {
  override readonly exitCode = 2;
}

/** The server refused a request; `message` is what it said, and `status` its HTTP status. */
export class RefusedError extends CliError {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Adds the next step to the text of an error that the server answered with `status`; rethrows it in any case. */
export function adviseOn(status: number, advice: string): (error: unknown) => never {
  return (error) => {
    if (error instanceof RefusedError && error.status === status) {
      throw new RefusedError(status, `${error.message} ${advice}`);
    }
    throw error;
  };
}
