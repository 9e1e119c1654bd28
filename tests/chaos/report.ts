import type { Facts, JobFacts } from './facts.js';
import { groupBy } from './group-by.js';
import type { Problem } from './records.js';
import type { ChaosWorld } from './world.js';

/** The counts of a run, as lines of a table. */
export function presentSummary(world: ChaosWorld, { jobs, submissions }: Facts): string {
  const states = groupBy(jobs, ({ job }) => job.result_data.job_state);
  const writes = world.claims.flatMap((claim) => claim.writes);
  const sum = (list: readonly number[]) => list.reduce((one, other) => one + other, 0);
  const rows: [string, unknown][] = [
    ['jobs stored', jobs.length],
    ...[...states].map(([state, list]): [string, unknown] => [`  ${state}`, list.length]),
    ['  given up by the server (75)', jobs.filter(({ result }) => Object.values(result).includes(75)).length],
    ['submits acknowledged', submissions.filter(({ acknowledgedAt }) => acknowledgedAt !== undefined).length],
    ['submits sent', sum(submissions.map(({ sends }) => sends))],
    ['claims answered', world.claims.length],
    ['  unanswered (attempts minus answered)', sum(jobs.map(countUnansweredClaims))],
    ['attempts lost', sum(jobs.map(({ job }) => job.attempts?.length ?? 0))],
    ['writes', writes.length],
    ['  discarded', writes.filter(({ call }) => call.outcome === 'discarded').length],
    ['  without a response', writes.filter(({ call }) => call.outcome === 'unknown').length],
    ['results read during the run', world.resultReads],
    ['tries of the actors', world.tries],
    ['requests at the proxy', world.proxy.requests],
    ...Object.entries(world.proxy.cuts).map(([place, n]): [string, unknown] => [`  cut ${place}`, n]),
    ...Object.entries(world.faults?.done ?? {}),
    ['stalls after the artifact', world.stalls],
    ['seconds', Math.round(world.now() / 1000)],
  ];
  return rows.map(([name, value]) => `${name.padEnd(36)}${String(value).padStart(8)}`).join('\n');
}

function countUnansweredClaims({ job, claims }: JobFacts): number {
  return Math.max(0, (job.lease?.attempt ?? 0) - claims.length);
}

/** The first problems, everything known about the first few jobs with problems, and the faults. */
export function presentProblems(world: ChaosWorld, facts: Facts, problems: readonly Problem[]): string {
  const first = problems.slice(0, 30).map(({ jobId, text }) => `WRONG ${jobId ?? ''} ${text}`);
  const ids = new Set(problems.flatMap(({ jobId }) => jobId ?? []));
  const shown = facts.jobs.filter(({ job }) => ids.has(job.job_id)).slice(0, 3);
  return [
    ...first,
    ...(problems.length > first.length ? [`and ${problems.length - first.length} more`] : []),
    ...shown.map(presentJob),
    '--- faults',
    ...(world.faults?.history ?? []),
    `to repeat this run, use --seed ${world.options.seed}`,
  ].join('\n');
}

function presentJob({ job, submission, claims, fragments, artifact }: JobFacts): string {
  const agents = claims.flatMap((claim) => [
    `  ${claim.agent}, claim ${claim.id}, code ${claim.code}, answered ${Math.round(claim.answeredAt)}`,
    ...claim.notes.map((note) => `    (${note})`),
    ...claim.calls.map(({ sentAt, doneAt = 0, method, path, status, outcome, error = '' }) => {
      const times = `${Math.round(sentAt)}-${Math.round(doneAt)}`;
      return `    ${times.padEnd(14)} ${method} ${path} ${status ?? ''} ${outcome} ${error}`;
    }),
  ]);
  const lines = fragments.map(
    ({ log_type, phase, fragment_number, attempt, log_data }) =>
      `  ${log_type} ${phase} ${fragment_number} (attempt ${attempt ?? '?'}) ${log_data.trim()}`,
  );
  return [
    `--- job ${job.job_id}`,
    JSON.stringify(job, undefined, 1),
    JSON.stringify(submission),
    ...agents,
    ...lines,
    `  artifact: ${artifact}`,
  ].join('\n');
}
