import assert from 'node:assert/strict';
import { setTimeout as wait } from 'node:timers/promises';
import type { Pool } from 'undici';
import { withClient } from '../support/own-mongod.js';
import { person, signInPerson } from './signed-in.js';
import { bearer } from './world.js';

/** A load that runs until `end()`. */
export interface RunningLoad {
  /** Ends the load and returns a summary. @throws AssertionError if a request failed or a job was not stored exactly once. */
  end(): Promise<string>;
}

/** The server under load, and the database with its jobs. */
export interface LoadTarget {
  connect: () => Pool;
  basePath: string;
  mongodbUri: string;
  database: string;
}

const queue = 'under-load';
const parkedQueue = 'parked';

/**
 * Starts eight callers that submit, claim and read, each with one request at a time, and 40 agents that wait for jobs,
 * which are submitted from time to time. Each caller also uses one session, as a person's browser does.
 */
export async function startLoad(target: LoadTarget): Promise<RunningLoad> {
  const { connect, basePath, mongodbUri, database } = target;
  const pool = connect();
  const signedIn = await signInPerson(pool, target);
  const failures: string[] = [];
  const counts = { requests: 0, accepted: 0, slowestMs: 0, parked: 0, woken: 0, sent: 0 };
  let isEnding = false;
  const send = async (
    method: 'GET' | 'POST',
    path: string,
    role: 'contributor' | 'agent' | 'person',
    { body, prefer }: { body?: string; prefer?: string } = {},
  ) => {
    const headers = {
      ...(role === 'person' ? signedIn : bearer(role)),
      ...(body && { 'content-type': 'application/json' }),
      ...(prefer && { prefer }),
    };
    const started = performance.now();
    try {
      const answer = await pool.request({ method, path: basePath + path, headers, ...(body && { body }) });
      const text = await answer.body.text();
      if (path === '/v1/session' && !text.includes(`"client_id":"${person}"`))
        failures.push(`not signed in: ${text}`);
      if (answer.statusCode >= 300) failures.push(`${method} ${path}: ${answer.statusCode} ${text}`);
      return answer.statusCode;
    } catch (error) {
      failures.push(`${method} ${path}: ${(error as Error).message}`);
      return 0;
    } finally {
      counts.requests += 1;
      if (!prefer) counts.slowestMs = Math.max(counts.slowestMs, performance.now() - started);
    }
  };
  const call = async (): Promise<void> => {
    while (!isEnding && failures.length < 100) {
      const status = await send('POST', '/v1/job', 'contributor', {
        body: JSON.stringify({ job_queue: queue }),
      });
      if (status === 200) counts.accepted += 1;
      await send('GET', `/v1/job?queue=${queue}`, 'agent');
      await send('GET', '/v1', 'contributor');
      await send('GET', '/v1/session', 'person');
      const byPerson = await send('POST', '/v1/job', 'person', {
        body: JSON.stringify({ job_queue: queue }),
      });
      if (byPerson === 200) counts.accepted += 1;
    }
  };
  const park = async (): Promise<void> => {
    while (!isEnding && failures.length < 100) {
      const status = await send('GET', `/v1/job?queue=${parkedQueue}`, 'agent', { prefer: 'wait=60' });
      counts.parked += 1;
      if (status === 200) counts.woken += 1;
    }
  };
  const wakeAgents = async (): Promise<void> => {
    const body = JSON.stringify({ job_queue: parkedQueue });
    // At the end submits one job for each agent, so that no agent waits until its timeout.
    while (!isEnding || counts.woken + agents.length > counts.sent) {
      if (failures.length >= 100) return;
      if ((await send('POST', '/v1/job', 'contributor', { body })) === 200) counts.sent += 1;
      if (!isEnding) await wait(50);
    }
  };
  const agents = Array.from({ length: 40 }, park);
  const callers = [...Array.from({ length: 8 }, call), wakeAgents()];
  return {
    async end() {
      isEnding = true;
      await Promise.all([...callers, ...agents]);
      await pool.close();
      assert.deepEqual(failures, []);
      assert.ok(counts.woken >= agents.length, 'each agent that waited got a job at the end');
      const stored = await withClient(mongodbUri, (client) =>
        client.db(database).collection('jobs').countDocuments({ 'job_data.job_queue': queue }),
      );
      assert.equal(stored, counts.accepted, 'each accepted job is stored once');
      const summary = `${counts.requests} requests, none failed, the slowest ${Math.round(counts.slowestMs)} ms`;
      return `${summary}; ${counts.parked} waits for a job, ${counts.woken} of them woken`;
    },
  };
}

/** Runs the load from a second before `task` to a second after it. */
export async function underLoad(target: LoadTarget, task: () => Promise<void>): Promise<string> {
  const load = await startLoad(target);
  await wait(1000);
  try {
    await task();
    await wait(1000);
  } catch (error) {
    await load.end().catch(() => undefined);
    throw error;
  }
  return load.end();
}
