import { once } from 'node:events';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { setTimeout as wait } from 'node:timers/promises';
import type { ServerProcess } from './server-process.js';

const body = JSON.stringify({ job_queue: 'q1' });

/** Starts a submit whose body is sent in two parts. `finish` sends the second part and returns the response. */
export async function beginSubmit(server: ServerProcess) {
  const agent = new Agent({ keepAlive: true });
  const sent = httpRequest(`${server.url}/v1/job`, {
    method: 'POST',
    agent,
    headers: { 'content-type': 'application/json', 'content-length': body.length },
  });
  const answered = once(sent, 'response').catch((error: Error) => error);
  sent.write(body.slice(0, 5));
  await once(sent, 'socket');
  // Give the server time to start reading the body.
  await wait(500);
  const finish = async () => {
    sent.end(body.slice(5));
    const outcome = await answered;
    if (outcome instanceof Error) return { failed: outcome };
    const [response] = outcome as [IncomingMessage];
    const text = (await response.setEncoding('utf8').toArray()).join('');
    return { status: response.statusCode, connection: response.headers.connection, text };
  };
  return { finish, answered };
}
