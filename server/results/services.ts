import type { JobTopics } from './job-topics.js';

/** The services that the results area adds to the dependencies of functions. */
export interface ResultServices {
  jobTopics: JobTopics;
}
