import { CookieJar } from '../actors/cookie-jar.js';
import { type Build, claimJob, submitJob } from './compared-build.js';
import { measure } from './load.js';
import { type Received, send, type Target } from './processes.js';
import { json } from './scenario.js';

/** An agent that sends back all cookies that it got, as python-requests does. */
export class AgentCaller {
  readonly #cookies = new CookieJar();

  constructor(
    readonly name: string,
    private readonly server: Target,
    private readonly headers: Record<string, string>,
  ) {
    this.#cookies.read(`agent_name=${name}`);
  }

  /** The path of its own record. */
  get path(): string {
    return `/v1/agents/data/${this.name}`;
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Received> {
    return this.#send('GET', path, { ...this.headers, ...headers });
  }

  post(path: string, body: object): Promise<Received> {
    return this.#send('POST', path, { ...this.headers, ...json }, JSON.stringify(body));
  }

  async #send(
    method: 'GET' | 'POST',
    path: string,
    headers: Record<string, string>,
    body?: string,
  ): Promise<Received> {
    const cookie = this.#cookies.header as string;
    const received = await send(this.server, method, path, { ...headers, cookie }, body);
    this.#cookies.read(received.setCookie);
    return received;
  }
}

/** A job in progress, and the agent that holds it. */
export interface Run {
  path: string;
  agent: AgentCaller;
  /** Number of posts of this job so far, which makes them differ. */
  posts: number;
}

/** A lab of one build: agents that have reported themselves, running jobs, and waiting jobs to read. */
export interface Lab {
  agents: readonly AgentCaller[];
  runs: readonly Run[];
  /** Ids of jobs that stay as they are. */
  jobs: readonly string[];
}

const sizes = { agents: 500, runs: 64, jobs: 500 };
const labs = new WeakMap<Build, Promise<Lab>>();

/** Returns the lab of a build. Made once, since jobs of earlier rounds would slow every search for expired leases. */
export function labOf(build: Build): Promise<Lab> {
  const known = labs.get(build);
  if (known) return known;
  const lab = makeLab(build);
  labs.set(build, lab);
  return lab;
}

let labCount = 0;

/** The database outlives the server, so the names are new for each lab. */
async function makeLab(build: Build): Promise<Lab> {
  const lab = labCount++;
  const agents = Array.from(
    { length: sizes.agents },
    (_, n) => new AgentCaller(`lab-${lab}-agent-${n}`, build.server, build.agent),
  );
  await measure({ callers: 16, requests: sizes.agents }, async (n) => {
    const agent = agents[n] as AgentCaller;
    await agent.post(agent.path, { state: 'waiting', comment: '' });
    await agent.post(agent.path, {
      location: 'lab',
      queues: [`rack-${n % 50}`],
      provision_type: 'noprovision',
    });
  });
  const runs: Run[] = [];
  await measure({ callers: 16, requests: sizes.runs }, async (n) => {
    const agent = agents[n] as AgentCaller;
    const queue = `lab-${lab}-runs-${n}`;
    const id = await submitJob(build, queue);
    await claimJob(build, queue, agent.name);
    runs.push({ path: `/v1/result/${id}`, agent, posts: 0 });
  });
  const jobs: string[] = [];
  await measure({ callers: 16, requests: sizes.jobs }, async (n) => {
    jobs.push(await submitJob(build, `lab-${lab}-jobs-${n % 40}`, n % 10));
  });
  return { agents, runs, jobs };
}
