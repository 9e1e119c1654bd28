/** What each program of this directory gets from `run.ts`: where the server is, and who logs in. */
export interface Login {
  server: string;
  clientId: string;
  secret: string;
}

/** Reads the login from the environment. @throws Error if a variable is missing */
export function readLogin(): Login {
  const { QUEUEPASS_SERVER: server, CLIENT_ID: clientId, CLIENT_SECRET: secret } = process.env;
  if (!server || !clientId || !secret) throw new Error('run this program with tests/oauth-libraries/run');
  return { server, clientId, secret };
}

/** A job whose priority needs a token that allows it. */
export const job = { job_queue: 'lab', job_priority: 10 };

/** @throws Error unless the job was accepted */
export function checkStatus(status: number | undefined): void {
  if (status !== 200) throw new Error(`the server returned ${status} for a job`);
}
