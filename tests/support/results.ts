import { randomUUID } from 'node:crypto';
import { bearer, jsonBody } from './clients.js';
import { agentHeaders } from './jobs.js';
import type { TestServer } from './start-server.js';

/** Posts a result as an agent. */
export function postResult(server: TestServer, jobId: string, body: unknown): Promise<Response> {
  return server.request(`/v1/result/${jobId}`, jsonBody(body, agentHeaders(server)));
}

/** Reads the result of a job, as its submitter does. */
export async function readResult(server: TestServer, jobId: string): Promise<Record<string, unknown>> {
  const response = await server.request(`/v1/result/${jobId}`);
  if (response.status !== 200) throw new Error(`result: ${response.status} ${await response.text()}`);
  return (await response.json()) as Record<string, unknown>;
}

/** Makes the fields of a log fragment. The given fields replace the defaults. */
export function makeFragment(fields: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    fragment_number: 0,
    timestamp: '2026-01-02T03:04:05Z',
    phase: 'test',
    log_data: 'text',
    ...fields,
  };
}

/** Posts a fragment as an agent. */
export function postFragment(
  server: TestServer,
  jobId: string,
  fields: Record<string, unknown> = {},
  logType = 'output',
): Promise<Response> {
  return server.request(
    `/v1/result/${jobId}/log/${logType}`,
    jsonBody(makeFragment(fields), agentHeaders(server)),
  );
}

/** The part of a log response for one phase. */
export interface LogOfPhase {
  last_fragment_number: number;
  log_data: string;
}

/** Reads a log as the command-line client does. */
export async function readLog(
  server: TestServer,
  jobId: string,
  query = '',
  logType = 'output',
): Promise<Record<string, LogOfPhase>> {
  const response = await server.request(`/v1/result/${jobId}/log/${logType}${query}`, {
    headers: bearer(server, { role: 'contributor' }),
  });
  if (response.status !== 200) throw new Error(`log: ${response.status} ${await response.text()}`);
  return ((await response.json()) as Record<string, Record<string, LogOfPhase>>)[logType] ?? {};
}

/** Inserts fragments into the database in the form in which this server stores them. */
export async function insertFragments(
  { deps }: TestServer,
  jobId: string,
  texts: readonly string[],
  phase = 'test',
): Promise<void> {
  await deps.collections.logs.insertMany(
    texts.map((log_data, fragment_number) => ({
      job_id: jobId,
      log_type: 'output',
      live: true as const,
      phase,
      fragment_number,
      timestamp: new Date(),
      log_data,
      updated_at: new Date(),
    })),
  );
}

/** Returns a job id that does not exist. */
export function unknownJob(): string {
  return randomUUID();
}
