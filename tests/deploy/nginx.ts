import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { Agent } from 'undici';
import { makeFolder, waitUntil } from '../support/own-mongod.js';
import { repositoryPath, type World } from './world.js';

/** nginx with the site file of the repository, on free ports. */
export interface Nginx {
  /** The https URL, or the http URL of a site for a private network. */
  url: string;
  /** The URL of the port that only redirects. */
  redirectUrl: string;
  /** The file with the certificate. */
  certificate: string;
  /** Sends requests and trusts the certificate. */
  dispatcher: Agent;
  /** The content of the error log, which includes warnings such as that a body was buffered to a file. */
  errorLog(): string;
  /** The content of the access log. nginx writes each line when the response has been sent. */
  accessLog(): string;
  /** The process id of the only worker. */
  workerPid: number;
}

/** How the site is changed before nginx starts. */
export interface SiteOptions {
  /** Follow the comment in the site that describes plain http on a private network. */
  isPlain?: boolean;
  /** Follow the comment in the site that describes this prefix. */
  basePath?: string;
}

/** Starts nginx in front of the two sockets. @throws Error if the site file does not contain a text that is replaced here. */
export async function startNginx(
  world: World,
  sockets: readonly [string, string],
  { isPlain = false, basePath = '' }: SiteOptions = {},
): Promise<Nginx> {
  const folder = makeFolder();
  const [port, redirectPort] = [await findFreePort(), await findFreePort()];
  const certificate = makeCertificate(folder);
  const shipped = readSite(certificate);
  const accessLog = join(folder, 'access.log');
  const site = replaceAll(isPlain ? makePlain(shipped) : shipped, [
    ['location ~ ^/(', `location ~ ^${basePath}/(`],
    ['unix:/run/queuepass/1.sock', `unix:${sockets[0]}`],
    ['unix:/run/queuepass/2.sock', `unix:${sockets[1]}`],
    ...(isPlain
      ? ([['\n    listen 80;', `\n    listen 127.0.0.1:${port};`]] as const)
      : ([
          ['\n    listen 443 ssl', `\n    listen 127.0.0.1:${port} ssl`],
          ['\n    listen [::]:443 ssl http2;', ''],
          ['\n    listen 80;', `\n    listen 127.0.0.1:${redirectPort};`],
        ] as const)),
    ['\n    listen [::]:80;', ''],
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
  const dispatcher = new Agent({ connect: { ca: readFileSync(certificate) } });
  world.teardown(() => dispatcher.close());
  return {
    url: `${isPlain ? 'http' : 'https'}://127.0.0.1:${port}`,
    redirectUrl: `http://127.0.0.1:${redirectPort}`,
    certificate,
    dispatcher,
    errorLog: () => readFileSync(errorLog, 'utf8'),
    accessLog: () => readFileSync(accessLog, 'utf8'),
    workerPid: Number(workers()),
  };
}

/** nginx accepts the site file with nothing changed but the paths of the certificate and the logs. Returns what nginx prints. */
export function testShippedSite(): { status: number | null; text: string } {
  const folder = makeFolder();
  writeFileSync(join(folder, 'site.conf'), readSite(makeCertificate(folder)));
  writeFileSync(join(folder, 'nginx.conf'), presentMain(folder));
  const args = ['-t', '-p', folder, '-e', join(folder, 'error.log'), '-c', join(folder, 'nginx.conf')];
  const { status, stdout, stderr } = spawnSync('nginx', args, { encoding: 'utf8' });
  return { status, text: stdout + stderr };
}

/** Reads the site file, with the paths of this certificate and its key, and with the logs in the same folder. */
function readSite(certificate: string): string {
  const folder = dirname(certificate);
  const site = replaceAll(readFileSync(repositoryPath('server/deploy/nginx/queuepass.conf'), 'utf8'), [
    ['/etc/ssl/queuepass/fullchain.pem', certificate],
    ['/etc/ssl/queuepass/key.pem', join(folder, 'key.pem')],
  ]);
  return site.replaceAll('/var/log/nginx/', `${folder}/`);
}

/** Removes the server block that redirects, and uses the commented `listen` lines instead of those with TLS. */
function makePlain(site: string): string {
  const [upstream = '', redirect = '', main = ''] = site.split(/^(?=server \{)/m);
  if (!redirect.includes('return 308')) throw new Error('the first server block does not redirect');
  return (
    upstream +
    main.replaceAll(/^ {4}(listen .*443|ssl_).*\n/gm, '').replaceAll(/^ {4}# (?=listen )/gm, '    ')
  );
}

function presentMain(folder: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  return [
    // If nginx runs as root, its worker is by default another user, who cannot read the directory.
    ...(userInfo().uid === 0 ? ['user root;'] : []),
    `daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log warn;`,
    'events { worker_connections 1024; }',
    `http { access_log ${folder}/access.log; ${temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}`,
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
