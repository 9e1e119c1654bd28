import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { makeFolder, waitUntil } from '../support/own-mongod.js';
import { repositoryPath, type World } from './world.js';

/** nginx with the site file of the repository, on free ports. */
export interface Nginx {
  url: string;
  /** The URL for TLS, with the certificate in the file `certificate`. */
  tlsUrl: string;
  certificate: string;
  /** The content of the error log, which includes warnings such as that a body was buffered to a file. */
  errorLog(): string;
  /** The process id of the only worker. */
  workerPid: number;
}

/** Starts nginx in front of the two sockets. @throws Error if the site file does not contain a text that is replaced here. */
export async function startNginx(world: World, sockets: readonly [string, string]): Promise<Nginx> {
  const folder = makeFolder();
  const [port, tlsPort] = [await findFreePort(), await findFreePort()];
  const certificate = makeCertificate(folder);
  const site = replaceAll(readFileSync(repositoryPath('server/deploy/nginx/queuepass.conf'), 'utf8'), [
    ['unix:/run/queuepass/1.sock', `unix:${sockets[0]}`],
    ['unix:/run/queuepass/2.sock', `unix:${sockets[1]}`],
    ['    listen 80;', `    listen 127.0.0.1:${port};`],
    ['    listen [::]:80;\n', ''],
    ['# listen 443 ssl http2;', `listen 127.0.0.1:${tlsPort} ssl http2;`],
    ['# ssl_certificate     /etc/ssl/queuepass/fullchain.pem;', `ssl_certificate ${certificate};`],
    ['# ssl_certificate_key /etc/ssl/queuepass/key.pem;', `ssl_certificate_key ${join(folder, 'key.pem')};`],
    ['# ssl_protocols ', 'ssl_protocols '],
  ]);
  writeFileSync(join(folder, 'site.conf'), site);
  writeFileSync(join(folder, 'nginx.conf'), presentMain(folder));
  const errorLog = join(folder, 'error.log');
  const child = spawn('nginx', ['-p', folder, '-e', errorLog, '-c', join(folder, 'nginx.conf')], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  child.stderr.pipe(createWriteStream(join(folder, 'stderr')));
  world.teardown(async () => {
    if (child.exitCode !== null) return;
    child.kill('SIGQUIT');
    await once(child, 'exit');
  });
  const workers = () => readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
  await waitUntil(() => {
    if (child.exitCode !== null) throw new Error(`nginx ended: ${readFileSync(errorLog, 'utf8')}`);
    return /^\d+$/.test(workers());
  });
  return {
    url: `http://127.0.0.1:${port}`,
    tlsUrl: `https://127.0.0.1:${tlsPort}`,
    certificate,
    errorLog: () => readFileSync(errorLog, 'utf8'),
    workerPid: Number(workers()),
  };
}

function presentMain(folder: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return [
    // If nginx runs as root, its worker is by default another user, who cannot read the directory.
    ...(userInfo().uid === 0 ? ['user root;'] : []),
    `daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log warn;`,
    'events { worker_connections 1024; }',
    `http { access_log off; ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}`,
    `include ${folder}/site.conf; }`,
    '',
  ].join('\n');
}

function replaceAll(text: string, pairs: readonly (readonly [string, string])[]): string {
  return pairs.reduce((before, [from, to]) => {
    if (before.split(from).length !== 2)
      throw new Error(`the site file does not contain "${from}" exactly once`);
    return before.replace(from, to);
  }, text);
}

function makeCertificate(folder: string): string {
  const file = join(folder, 'certificate.pem');
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const made = ['-keyout', join(folder, 'key.pem'), '-out', file, '-subj', '/CN=queuepass'];
  execFileSync('openssl', ['req', '-x509', ...key, ...made, '-addext', 'subjectAltName=IP:127.0.0.1'], {
    stdio: 'ignore',
  });
  return file;
}

/** Finds a TCP port on which nothing listens. */
export async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
