import { type Build, makeClients } from './compared-build.js';
import { measureJobLimit } from './job-limit.js';
import { json, type Scenario } from './scenario.js';
import { type Setting, signLongToken } from './setting.js';
import { measureWholeJobs } from './whole-jobs.js';

const agents = 16;

/** The names of the rows. */
export const limitRow = `limit of whole jobs: the bare driver, ${agents} jobs at once`;
export const wholeJobsRow = `whole jobs by stock calls, ${agents} agents`;

const jobsEach = (quick: boolean): number => (quick ? 2 : 6);

let clients: Promise<Pick<Build, 'client' | 'agentRefreshToken'>> | undefined;

/** Makes the clients of the CLI and of the agents at their first use. */
function clientsOf({ server }: Setting): Promise<Pick<Build, 'client' | 'agentRefreshToken'>> {
  clients ??= makeClients(server, { authorization: `Bearer ${signLongToken('admin')}`, ...json });
  return clients;
}

/** Complete jobs by the calls of stock agents, and the least that the bare driver needs to store them. */
export const wholeJobScenarios: readonly Scenario[] = [
  {
    name: limitRow,
    against: [],
    run: (setting, quick) => measureJobLimit(setting.db, agents, jobsEach(quick)),
  },
  {
    name: wholeJobsRow,
    against: [limitRow],
    async run(setting, quick) {
      const { server } = setting;
      return measureWholeJobs({ server, ...(await clientsOf(setting)) }, agents, jobsEach(quick));
    },
  },
];
