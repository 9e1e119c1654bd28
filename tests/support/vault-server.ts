import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ExecutionContext } from 'ava';

interface Version {
  data: Record<string, unknown> | null;
  deletedAt?: string;
  destroyed?: boolean;
}

interface Entry {
  versions: Map<number, Version>;
  current: number;
  maxVersions: number;
  deleteAfter: string;
}

/**
 * A server with the part of HashiCorp Vault's KV engine (version 2, mounted at `secret`) that the secrets store uses.
 */
export interface VaultServer {
  url: string;
  token: string;
  /** The settings that select it as the secrets store. */
  settings: Record<string, string>;
  /** Every request with its body, in order: `POST secret/data/ci/a {...}`. */
  requests: string[];
  entries: Map<string, Entry>;
  /** Responds to all requests with this status from now on, until it is called with `undefined`. */
  fail(status: number | undefined): void;
  stop(): Promise<void>;
}

/** Starts a Vault server that stops when the test ends. */
export async function startVault(t: ExecutionContext): Promise<VaultServer> {
  const token = `hvs.${randomBytes(12).toString('hex')}`;
  const entries = new Map<string, Entry>();
  const requests: string[] = [];
  let failure: number | undefined;
  const server = createServer((request, response) => {
    void readBody(request).then((text) => {
      const path = decodeURIComponent((request.url ?? '').replace(/^\/v1\//, ''));
      requests.push(`${request.method} ${path} ${text}`.trim());
      const [status, body] =
        failure !== undefined
          ? [failure, { errors: [`failing with ${failure}`] }]
          : request.headers['x-vault-token'] !== token
            ? [403, { errors: ['permission denied'] }]
            : answer(entries, request.method ?? '', path, text);
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(body === undefined ? '' : JSON.stringify(body));
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const stop = () =>
    new Promise<void>((done) => {
      server.close(() => done());
      server.closeAllConnections();
    });
  t.teardown(stop);
  return {
    url,
    token,
    settings: { TESTFLINGER_VAULT_URL: url, TESTFLINGER_VAULT_TOKEN: token },
    requests,
    entries,
    fail: (status) => (failure = status),
    stop,
  };
}

async function readBody(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of request.setEncoding('utf8')) text += piece as string;
  return text;
}

type Answer = [status: number, body: object | undefined];
const nothing: Answer = [404, { errors: [] }];

/** Lists the names directly below a folder: `a` for a secret, `a/` for a folder. */
function listFolder(entries: Map<string, Entry>, folder: string): Answer {
  const below = [...entries.keys()].filter((name) => name.startsWith(folder));
  const keys = new Set(below.map((name) => name.slice(folder.length).replace(/\/.*$/, '/')));
  return keys.size === 0 ? nothing : [200, { data: { keys: [...keys] } }];
}

function answer(entries: Map<string, Entry>, method: string, path: string, text: string): Answer {
  if (path === 'auth/token/lookup-self') return [200, { data: { policies: ['queuepass'] } }];
  const folder = /^secret\/metadata\/(.+\/)\?list=true$/.exec(path)?.[1];
  if (folder !== undefined && method === 'GET') return listFolder(entries, folder);
  const [, kind, name = ''] = /^secret\/(data|metadata|destroy)\/(.+)$/.exec(path) ?? [];
  const body = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
  const entry = entries.get(name) ?? { versions: new Map(), current: 0, maxVersions: 0, deleteAfter: '0s' };
  const operation = `${method} ${kind}`;
  if (operation === 'GET data') return readData(entry);
  if (operation === 'POST data') return writeData(entries, name, entry, body);
  if (operation === 'POST metadata') {
    if (typeof body.max_versions === 'number') entry.maxVersions = body.max_versions;
    if (typeof body.delete_version_after === 'string') entry.deleteAfter = body.delete_version_after;
    entries.set(name, entry);
    return [204, undefined];
  }
  if (operation === 'DELETE metadata') {
    entries.delete(name);
    return [204, undefined];
  }
  if (operation === 'POST destroy') {
    for (const number of body.versions as number[]) {
      if (entry.versions.has(number)) entry.versions.set(number, { data: null, destroyed: true });
    }
    return [204, undefined];
  }
  return [405, { errors: ['unsupported operation'] }];
}

function readData({ versions, current }: Entry): Answer {
  const version = versions.get(current);
  if (version === undefined) return nothing;
  const metadata = {
    version: current,
    deletion_time: version.deletedAt ?? '',
    destroyed: version.destroyed === true,
  };
  const isGone =
    version.destroyed || (version.deletedAt !== undefined && version.deletedAt <= new Date().toISOString());
  return [isGone ? 404 : 200, { data: { data: isGone ? null : version.data, metadata } }];
}

function writeData(
  entries: Map<string, Entry>,
  name: string,
  entry: Entry,
  body: { data?: Record<string, unknown>; options?: { cas?: number } },
): Answer {
  const cas = body.options?.cas;
  if (cas !== undefined && cas !== entry.current) {
    return [400, { errors: ['check-and-set parameter did not match the current version'] }];
  }
  entry.current += 1;
  const seconds = Number.parseInt(entry.deleteAfter, 10);
  entry.versions.set(entry.current, {
    data: body.data ?? {},
    ...(seconds > 0 && { deletedAt: new Date(Date.now() + seconds * 1000).toISOString() }),
  });
  const kept = entry.maxVersions || 10;
  for (const number of entry.versions.keys())
    if (number <= entry.current - kept) entry.versions.delete(number);
  entries.set(name, entry);
  return [200, { data: { version: entry.current } }];
}
