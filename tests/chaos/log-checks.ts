import type { JobFacts, StoredFragment } from './facts.js';
import { groupBy } from './group-by.js';
import { type Claim, makeLine } from './records.js';

const lostLine = /^Queuepass: (\S+) was lost, attempt (\d+) of (\d+)\n?$/;

/** Returns the problems of a job's logs, as sentences. */
export function checkLogs(facts: JobFacts): string[] {
  return (['output', 'serial'] as const).flatMap((type) => {
    const fragments = facts.fragments.filter(({ log_type }) => log_type === type);
    return [
      ...checkNumbers(fragments),
      ...checkServed(facts, type, fragments),
      ...checkOrder(facts, type, fragments),
      ...checkWhole(facts, type, fragments),
      ...checkAttemptNumbers(facts, fragments),
    ].map((problem) => `${type}: ${problem}`);
  });
}

function checkNumbers(fragments: StoredFragment[]): string[] {
  const numbers = fragments.map(({ fragment_number }) => fragment_number);
  return new Set(numbers).size === numbers.length ? [] : [`numbers are there twice: ${numbers.join()}`];
}

/** The server returns the stored fragments, in order. */
function checkServed(
  { logs, result }: JobFacts,
  type: 'output' | 'serial',
  stored: StoredFragment[],
): string[] {
  const phases = new Set([...Object.keys(logs[type]), ...stored.map(({ phase }) => phase)]);
  return [...phases].flatMap((phase) => {
    const mine = stored.filter((fragment) => fragment.phase === phase);
    const text = mine.map(({ log_data }) => log_data).join('');
    const served = logs[type][phase];
    const last = mine.at(-1)?.fragment_number ?? -1;
    return [
      ...(served?.log_data === text ? [] : [`${phase} is served otherwise than it is stored`]),
      ...(served?.last_fragment_number === last ? [] : [`${phase} ends at ${last}, not as served`]),
      ...((result[`${phase}_${type}`] ?? '') === text ? [] : [`${phase} is another text in the result`]),
    ];
  });
}

interface Line {
  claim: Claim | undefined;
  lost: boolean;
  text: string;
}

function readLines({ claims }: JobFacts, fragments: StoredFragment[]): Line[] {
  return fragments.map(({ log_data: text }) => ({
    text,
    lost: lostLine.test(text),
    claim: claims.find((claim) => text.startsWith(`${claim.jobId} ${claim.agent} ${claim.id} `)),
  }));
}

/** The lines of one claim follow those of another, with the server's line between them, each in the order sent. */
function checkOrder(facts: JobFacts, type: 'output' | 'serial', fragments: StoredFragment[]): string[] {
  const problems: string[] = [];
  const ended = new Set<Claim>();
  let current: Claim | undefined;
  let lost = false;
  let number = -1;
  for (const line of readLines(facts, fragments)) {
    lost ||= line.lost;
    if (line.lost) continue;
    const { claim } = line;
    if (claim === undefined) {
      problems.push(`a line is of no claim of the job: ${line.text.trim()}`);
      continue;
    }
    if (claim !== current) {
      if (ended.has(claim)) problems.push(`lines of ${claim.id} come again after those of ${current?.id}`);
      // The server writes the line about a loss only to the output.
      if (current && !lost && type === 'output') {
        problems.push(`lines of ${current.id} and ${claim.id} follow without a line about the loss`);
      }
      if (current) ended.add(current);
      number = -1;
      lost = false;
      current = claim;
    }
    const own = Number(/(\d+)\n$/.exec(line.text)?.[1]);
    if (own <= number) problems.push(`line ${own} of ${claim.id} comes after its line ${number}`);
    number = own;
  }
  return problems;
}

/** Each line that was acknowledged and not discarded is stored. A resubmission deletes the lines before it. */
function checkWhole(facts: JobFacts, type: 'output' | 'serial', fragments: StoredFragment[]): string[] {
  const { claims, submission } = facts;
  const mayRestart = submission?.kind === 'id' && submission.sends > 1;
  const owner = (facts.result.device_info as { attempt?: string } | undefined)?.attempt;
  const kept = claims.filter((claim) => !mayRestart || (claim.id === owner && claim === claims.at(-1)));
  const stored = new Set(fragments.map(({ log_data }) => log_data));
  return kept.flatMap((claim) =>
    claim.writes
      .filter(({ kind, call }) => kind === type && call.outcome === 'accepted')
      .map(({ body }) => makeLine(claim, body.fragment_number ?? -1))
      .filter((line) => !stored.has(line))
      .map((line) => `an acknowledged line is missing: ${line.trim()}`),
  );
}

/** All lines of an attempt number belong to one claim, and all lines of a claim have one attempt number. */
function checkAttemptNumbers(facts: JobFacts, fragments: StoredFragment[]): string[] {
  const pairs = readLines(facts, fragments).flatMap(({ claim }, n) => {
    const attempt = fragments[n]?.attempt;
    return claim === undefined || attempt === undefined ? [] : [{ attempt, claim: claim.id }];
  });
  const attempts = groupBy(pairs, ({ attempt }) => attempt);
  const claims = groupBy(pairs, ({ claim }) => claim);
  return [
    ...[...attempts].map(([attempt, list]) => ({ name: `attempt ${attempt}`, of: list.map((p) => p.claim) })),
    ...[...claims].map(([claim, list]) => ({ name: `claim ${claim}`, of: list.map((p) => p.attempt) })),
  ]
    .filter(({ of }) => new Set<unknown>(of).size > 1)
    .map(({ name, of }) => `${name} is stored with ${[...new Set<unknown>(of)].join(' and ')}`);
}
