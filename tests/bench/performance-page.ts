import { execFileSync } from 'node:child_process';
import { cpus, loadavg, totalmem } from 'node:os';

/** The load average before the first row. If the machine was busy, the rates are too low. */
const loadBefore = loadavg()[0] as number;

/** The tables of the page. */
export interface PageParts {
  rows: string;
  goals: string;
  wholeJobs: string;
  churn: string;
  waiting: string;
  files: string;
  /** What was found about plans at 1,000,000 jobs; `undefined` if it was not checked. */
  plans: string | undefined;
}

/** The whole page. */
export function presentPage(rounds: number, parts: PageParts): string {
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  const machine = `${cpus().length} cores (${cpus()[0]?.model.trim()}), ${Math.round(totalmem() / 2 ** 30)} GiB`;
  const busy =
    loadBefore < cpus().length / 2
      ? ''
      : `\n**The machine was busy with other work** (a load of ${loadBefore.toFixed(1)} before the first row), so the rates are too low.\n`;
  return `<!-- Made by \`npm run bench -- --deep\`. -->
# Performance

Use these figures to compare routes, numbers of callers and changes of the code. Measured at commit ${commit}, Node ${process.versions.node},
on a machine with ${machine}. The load generator, the servers and mongod share this machine, so the rates are low
and noisy: compare the ratios. Each row is the median of ${rounds} rounds, and each ratio is the median of the ratios within the rounds.
Writes are acknowledged by a majority and journaled, in the bare rows too.
${busy}
## Goals

${parts.goals}

Goals of speed are ratios within this run, since rates differ by ten times between machines. Goals of memory are in bytes, which
do not depend on the machine's speed.

[Performance goals](../explanation/speed-goals.md) describes what was tried for the goals that are missed.
[Scaling](../explanation/scaling.md) describes what fails first as labs grow.

## Routes

${parts.rows}

*Bare Koa* is a route that only reads one client record. The *bare* rows of MongoDB call the driver in the process of the load
generator, without HTTP. "bcrypt key first time" is a client that this process has not seen yet, at cost 10. Before each row, the
same load runs for a moment.

Claims run while the named number of jobs waits in the queue, plus up to one batch of 400 (1,600 with 64 callers). The last column
is measured too: it shows how many of the ${cpus().length} cores each part used.

## Whole jobs

${parts.wholeJobs}

A whole job is every call of the stock CLI and the stock agent from the CLI's login to the end of the job, without the pauses
between them, with six phases, ten log fragments and an artifact of 100 KB. The *limit* is the least that the bare driver needs
to store the same: one command for each change that is acknowledged, no reads, no HTTP, and only the indexes that find and
remove the documents. It runs in the process of the load generator, with as many jobs at once.

## Under churn

${parts.churn}

Each row runs right after other jobs came and went, in turns with a fresh database in another MongoDB. Jobs were taken from the
measured queue and are still running, and jobs of other queues were stored and deleted. MongoDB keeps entries of deleted and
changed documents in its indexes for some time, and a search may walk over them. A wake is the time from the response of a submit
to the response of the claim that was parked before; its ratio is that of the medians. MongoDB keeps no history here, as the
embedded one and the how-to guides set it; [with its default of 300 s](../explanation/speed-goals.md#after-many-jobs-came-and-went)
polls and wakes are slower.

## Growth

![Requests a second by the number of callers](performance-callers.svg)

![Claims a second by the number of waiting jobs](performance-depth.svg)

## Claims that wait

${parts.waiting}

Each parked claim has its own connection and agent, on 1,000 queues. A wake is the time from the response of a submit to the first
server until the response of the claim, on whichever server the claim is parked. A burst is 1,000 submits at once, one to each
queue: its time is from the first submit to the response of the last claim. *Idle* is half a minute in which no wait ends.
*Renewing* is a minute in which every wait ends and begins again.

## Large files

${parts.files}
${
  parts.plans === undefined
    ? ''
    : `
## Plans

${parts.plans}
`
}`;
}
