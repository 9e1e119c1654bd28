import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import test from 'ava';
import { embeddedSocketPath } from '../../server/mongod/mongod-socket.js';
import { makeFolder } from '../support/own-mongod.js';
import { readStartFailure, startServerProcess } from '../support/server-process.js';
import { testMongodbUri } from '../support/start-server.js';

const signingKey = 'a signing key for listening, long enough for HS256';

test('with LISTEN=systemd the server uses the socket that is passed as descriptor 3', async (t) => {
  const passed = createServer().listen(0, '127.0.0.1');
  await once(passed, 'listening');
  const { port } = passed.address() as AddressInfo;
  // Node has no other way to get the descriptor of a socket.
  const { fd } = (passed as Server & { _handle: { fd: number } })._handle;
  const settings = {
    LISTEN: 'systemd',
    MONGODB_URI: testMongodbUri(),
    JWT_SIGNING_KEY: 'short',
    JWT_ALLOW_SHORT_KEY: 'true',
    ANONYMOUS_ACCESS: 'allow',
    BASE_PATH: '/lab',
  };
  const server = await startServerProcess(t, { settings, descriptors: [fd] });
  passed.close();
  t.is(server.url, `http://127.0.0.1:${port}/lab`);
  t.is((await server.request('/v1')).status, 200);
  t.is((await fetch(`http://127.0.0.1:${port}/livez`)).status, 200);
  t.regex(server.stdout(), /"level":"warn".*JWT_SIGNING_KEY is under 32 bytes/);
  t.regex(server.stdout(), /"level":"warn".*ANONYMOUS_ACCESS=deny/);
  server.kill('SIGTERM');
  t.deepEqual(await server.exited, { code: 0, signal: null });
});

test('credentials that MongoDB refuses are reported in one line, without the password', async (t) => {
  const folder = makeFolder();
  const socket = embeddedSocketPath(folder);
  const mongod = spawn(
    process.env.MONGOMS_SYSTEM_BINARY ?? 'mongod',
    ['--dbpath', folder, '--auth', '--bind_ip', socket, '--nounixsocket', '--logpath', join(folder, 'log')],
    { stdio: 'ignore' },
  );
  t.teardown(async () => {
    mongod.kill('SIGKILL');
    await once(mongod, 'exit');
  });
  const host = encodeURIComponent(socket);
  const start = (credentials: string) =>
    readStartFailure(t, {
      settings: {
        MONGODB_URI: `mongodb://${credentials}${host}/?directConnection=true`,
        JWT_SIGNING_KEY: signingKey,
      },
    });
  const refused = await start('nobody:hunter2@');
  t.regex(refused, /^queuepass: MongoDB refuses the user name or password: see MONGODB_URI/);
  t.false(refused.includes('hunter2'));
  t.regex(await start(''), /^queuepass: MongoDB does not allow this user to create indexes/);
});
