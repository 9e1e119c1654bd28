import { readFileSync } from 'node:fs';
import { Pool } from 'undici';
import { checkNotifications, checkRestartOnSocket, checkSocketActivation } from './activation-checks.js';
import { checkContainerSteps } from './container-check.js';
import { checkLogs } from './log-checks.js';
import { startNginx } from './nginx.js';
import { SocketServer } from './pair.js';
import {
  checkForwarded,
  checkLargeFile,
  checkLongPass,
  checkWalkthrough,
  type Site,
} from './proxy-checks.js';
import { checkRetries } from './retry-checks.js';
import { underLoad } from './rolling-check.js';
import { checkRules } from './rules-check.js';
import { checkSignedInRequests, checkSignIn } from './sign-in-checks.js';
import { checkSingleProcess } from './single-check.js';
import { checkEventStream, checkLimits, checkRedirect, checkSiteLoads } from './site-checks.js';
import { checkExposure, checkUnitsAreAlike, checkUnitsLoad } from './unit-checks.js';
import { createWorld, type World } from './world.js';

/*
 * `tests/deploy/run` runs this program. It runs every check, even after one fails, and prints the check's sentence.
 * Arguments are words that select the checks whose sentence contains one of them.
 */
const basePath = '/lab';

async function startSite(world: World): Promise<Site> {
  const settings = { ...world.settingsFor('proxied'), BASE_PATH: basePath, TRUST_PROXY: '1' };
  const servers = [new SocketServer(world, settings), new SocketServer(world, settings)] as const;
  await Promise.all(servers.map((server) => server.start()));
  const nginx = await startNginx(world, [servers[0].socket, servers[1].socket], { basePath });
  return { nginx, servers, url: nginx.url + basePath };
}

function listChecks(world: World, site: Site): [sentence: string, run: () => Promise<string | void>][] {
  const { mongodbUri } = world;
  const trust = { connect: { ca: readFileSync(site.nginx.certificate) } };
  const proxied = {
    connect: () => new Pool(site.nginx.url, trust),
    basePath,
    mongodbUri,
    database: 'proxied',
  };
  return [
    ['the systemd units load', checkUnitsLoad],
    ['the units of one process and of several processes are alike', checkUnitsAreAlike],
    ['systemd rates the exposure of the service at 2.0 or lower', checkExposure],
    ['a single process serves its pages on its socket, also under a prefix', () => checkSingleProcess(world)],
    ['promtool accepts the alert rules and the panels, and each rule fires when it must', checkRules],
    ['the first connection to an activated socket gets a response', () => checkSocketActivation(world)],
    ['the server notifies systemd of readiness, watchdog and stop', () => checkNotifications(world)],
    ['a restart on a socket of systemd loses no request, under load', () => checkRestartOnSocket(world)],
    ['the README walk-through works through nginx, under a prefix', () => checkWalkthrough(site)],
    ['nginx accepts the site file as it is installed', checkSiteLoads],
    ['port 80 of nginx only redirects to https', () => checkRedirect(site)],
    ['a token of 64 KiB passes through nginx', () => checkLongPass(site)],
    ['the server uses the client address and scheme that nginx sends', () => checkForwarded(world, site)],
    ['200 MiB are uploaded and downloaded through nginx in bounded memory', () => checkLargeFile(site)],
    ['nginx limits logins and sign-ins, and nothing else', () => checkLimits(site)],
    ['nginx logs no secret of a sign-in', () => checkLogs(world)],
    ['nginx passes on each event of a stream at once', () => checkEventStream(world)],
    ['people sign in through nginx, on either process', () => checkSignIn(world)],
    ['a session works through nginx: a long poll and an upload of 1 GiB', () => checkSignedInRequests(world)],
    ['nginx sends no POST twice, and tries the other process when that is safe', () => checkRetries(world)],
    [
      'two processes restart one after the other behind nginx, under load',
      () =>
        underLoad(proxied, async () => {
          for (const server of site.servers) await server.restart();
        }),
    ],
    ['the steps of the Containerfile build a server that is healthy', () => checkContainerSteps(world)],
  ];
}

const started = performance.now();
const world = await createWorld();
const counts = { passed: 0, failed: 0 };
try {
  const site = await startSite(world);
  const words = process.argv.slice(2);
  for (const [sentence, run] of listChecks(world, site)) {
    if (words.length > 0 && !words.some((word) => sentence.includes(word))) continue;
    const checkStarted = performance.now();
    try {
      const details = await run();
      counts.passed += 1;
      console.log(`ok   ${sentence} (${seconds(checkStarted)}${details ? `; ${details}` : ''})`);
    } catch (error) {
      counts.failed += 1;
      console.log(`FAIL ${sentence} (${seconds(checkStarted)})\n`, error);
    }
  }
} finally {
  await world.end();
}
console.log(`deploy: ${counts.passed} passed, ${counts.failed} failed in ${seconds(started)}`);
process.exit(counts.failed > 0 || counts.passed === 0 ? 1 : 0);

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}
