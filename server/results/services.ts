import type { NewsOfJobs } from './news-of-jobs.js';

/** What results add to the dependencies of functions. */
export interface ResultServices {
  newsOfJobs: NewsOfJobs;
}
