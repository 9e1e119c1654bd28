import { isDeepStrictEqual } from 'node:util';
import type { Facts, JobFacts, StoredJob } from './facts.js';
import { groupBy } from './group-by.js';
import { checkLogs } from './log-checks.js';
import { type Claim, makeArtifact, type Problem, type WriteRecord } from './records.js';
import { checkOwners, findOwners, lostCode } from './result-owners.js';

/** Returns all problems at the end of a run, after faults have ended and agents have drained the queue. */
export function checkAll(facts: Facts): Problem[] {
  const ofJobs = facts.jobs.flatMap((one) => {
    const { job_id: jobId } = one.job;
    const checks = [checkState, checkHolders, checkAttempts, checkResult, checkArtifact, checkLogs];
    // Without leases, an agent continues with a job that was resubmitted meanwhile.
    if (!facts.leases && mayRestart(one)) return [];
    return checks.flatMap((check) => check(one, facts)).map((text) => ({ jobId, text }));
  });
  return [...checkSubmissions(facts), ...ofJobs];
}

/** Every acknowledged job exists once, and a submission with an id or key created one job however often it was sent. */
function checkSubmissions({ jobs, submissions }: Facts): Problem[] {
  const ids = groupBy(jobs, ({ job }) => job.job_id);
  const tags = groupBy(jobs, ({ submission }) => submission?.tag);
  return submissions.flatMap(({ jobId, tag, kind, acknowledgedAt, sends }) => {
    const found = jobId === undefined ? 0 : (ids.get(jobId)?.length ?? 0);
    const made = tags.get(tag)?.length ?? 0;
    const problems: string[] = [];
    if (acknowledgedAt !== undefined && found !== 1)
      problems.push(`${tag} (${kind}) is there ${found} times`);
    if (kind === 'plain' ? made > sends : made > 1) problems.push(`${tag} (${kind}) was made ${made} times`);
    return problems.map((text) => ({ jobId, text }));
  });
}

/** Whether a retry of the submitter, which is a resubmission, may have restarted the job. */
function mayRestart({ submission }: JobFacts): boolean {
  return submission?.kind === 'id' && submission.sends > 1;
}

function checkState({ job, submission, claims, result }: JobFacts, { leases }: Facts): string[] {
  const { job_state: state } = job.result_data;
  if (result.job_state !== state) return [`its state is ${state}, and ${result.job_state} over HTTP`];
  if (state === 'complete') return [];
  if (state === 'cancelled') {
    return submission?.cancelAskedAt === undefined ? ['it is cancelled, and nobody asked for it'] : [];
  }
  if (state === 'waiting') {
    return job.job_data.attachments_status === 'waiting' ? [] : ['it still waits, and agents are idle'];
  }
  // The response to the claim was lost, so only the lease can return the job to the queue.
  const isClaimUnanswered = state === 'running' && claims.length === 0;
  return !leases && isClaimUnanswered ? [] : [`it is left in state ${state}, held by ${job.lease?.holder}`];
}

/** Two agents held a job at once if a write of one was accepted after another claimed the job. */
function checkHolders({ claims }: JobFacts): string[] {
  return claims.flatMap((claim, n) =>
    claims.slice(n + 1).flatMap((later) =>
      claim.writes
        .filter(({ call }) => call.outcome === 'accepted' && call.sentAt > later.answeredAt)
        .slice(0, 1)
        .map(
          ({ call }) =>
            `${call.method} ${call.path} of ${claim.agent} (${claim.id}) at ${Math.round(call.sentAt)} was taken, ` +
            `and ${later.agent} (${later.id}) had the job since ${Math.round(later.answeredAt)}`,
        ),
    ),
  );
}

/** Each attempt has one holder, no two claims share a number, and the data of a closed attempt comes from its holder's claim. */
function checkAttempts({ job, claims }: JobFacts): string[] {
  const { attempts = [], lease } = job;
  const current = lease?.holder === undefined ? [] : [{ attempt: lease.attempt, holder: lease.holder }];
  const byNumber = groupBy([...attempts, ...current], ({ attempt }) => attempt);
  const shared = [...byNumber].filter(([, list]) => new Set(list.map(({ holder }) => holder)).size > 1);
  const highest = Math.max(0, lease?.attempt ?? 0, ...attempts.map(({ attempt }) => attempt));
  const foreign = attempts.filter(({ holder, status = {}, device_info: device }) => {
    const owners = claims.filter(
      (claim) => device?.attempt === claim.id || Object.values(status).includes(claim.code),
    );
    return owners.length > 1 || owners.some(({ agent }) => agent !== holder);
  });
  return [
    ...shared.map(([attempt]) => `attempt ${attempt} had several holders`),
    ...(claims.length > highest ? [`${claims.length} claims, and the last attempt is ${highest}`] : []),
    ...foreign.map(({ attempt }) => `what is kept of attempt ${attempt} is not all its own`),
  ];
}

const isOutcome = ({ kind, body }: WriteRecord) => kind === 'result' && body.job_state === 'complete';

/** Statuses and device come from the claim that completed the job, and no acknowledged outcome is lost. */
function checkResult(facts: JobFacts, { attempts }: Facts): string[] {
  const { claims, result, job } = facts;
  const problems = checkOwners(result, claims);
  if (problems.length > 0) return problems;
  const { status, owners } = findOwners(result, claims);
  const isGivenUp = Object.values(status).includes(lostCode);
  const owner = isGivenUp ? undefined : owners[0];
  return [
    ...checkKept(facts, owner),
    ...(result.job_state === 'complete' && !isGivenUp ? checkOwner(owner, status) : []),
    ...(isGivenUp ? checkGivenUp(job, attempts) : []),
  ];
}

function checkGivenUp({ lease, attempts = [] }: StoredJob, allowed: number): string[] {
  const last = Math.max(lease?.attempt ?? 0, ...attempts.map(({ attempt }) => attempt));
  return last >= allowed ? [] : [`it was given up after attempt ${last} of ${allowed}`];
}

/** An outcome that was acknowledged and not discarded is the stored one. */
function checkKept(facts: JobFacts, owner: Claim | undefined): string[] {
  if (mayRestart(facts)) return [];
  return facts.claims
    .filter((claim) => claim !== owner && claim.writes.some(isAccepted))
    .map(({ id }) => `the acknowledged outcome of ${id} is not the one that stands`);
}

function checkOwner(owner: Claim | undefined, status: Record<string, number>): string[] {
  if (owner === undefined) return ['it is complete, and nobody completed it'];
  const sent = owner.writes.filter((write) => isOutcome(write) && write.call.outcome !== 'discarded');
  if (sent.some(({ body }) => isDeepStrictEqual(body.status, status))) return [];
  return [`no outcome that ${owner.id} sent has the statuses ${JSON.stringify(status)}`];
}

const isAccepted = (write: WriteRecord) => isOutcome(write) && write.call.outcome === 'accepted';

/** The artifact comes from the claim that completed the job. */
function checkArtifact({ claims, result, artifact }: JobFacts): string[] {
  const device = (result.device_info as { attempt?: string } | undefined)?.attempt;
  const owner = claims.find(({ id }) => id === device);
  const sender = claims.find((claim) => makeArtifact(claim) === artifact);
  if (artifact !== undefined && sender === undefined) return [`the artifact is of no claim: ${artifact}`];
  if (result.job_state !== 'complete') return [];
  if (owner === undefined) {
    return sender === undefined || sender === claims.at(-1)
      ? []
      : [`the artifact is of ${sender.id}, not the last`];
  }
  if (sender !== undefined && sender !== owner)
    return [`the artifact is of ${sender.id}, the result of ${owner.id}`];
  const isSent = owner.writes.some(({ kind, call }) => kind === 'artifact' && call.outcome === 'accepted');
  return isSent && sender === undefined ? [`the acknowledged artifact of ${owner.id} is missing`] : [];
}
