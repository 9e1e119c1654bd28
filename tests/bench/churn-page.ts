import { presentTable } from '../../docs/pages/markdown.js';
import type { Churn } from './churn.js';
import { wakeRow } from './churn-rows.js';
import { type Goal, maximumGoal, minimumGoal } from './goal.js';
import { median } from './load.js';
import { msEach } from './processor-time.js';

/** The goals under churn: every rate near that of a fresh database, and wakes as fast. */
export function listChurnGoals({ taken, deleted, rows }: Churn): Goal[] {
  const after = `after ${taken.toLocaleString('en')} taken and ${deleted.toLocaleString('en')} deleted jobs`;
  return rows.map(({ name, fresh, churned, ratios }) =>
    name === wakeRow
      ? maximumGoal(`${name}, p50, ${after}, more than fresh`, 2, churned.p50 - fresh.p50, 'ms')
      : minimumGoal(`${name}, ${after}, relative to fresh`, 0.8, median(ratios)),
  );
}

/** The table of the rows on a fresh database and under churn. */
export function presentChurn({ rows }: Churn): string {
  return presentTable(
    [
      '',
      'a second, fresh',
      'churned',
      'churned / fresh',
      'median ms, fresh',
      'churned',
      "mongod's processor ms each, fresh",
      'churned',
    ],
    rows.map(({ name, fresh, churned, ratios }) => {
      // The rate of wakes shows only the pauses between them.
      const isRate = name !== wakeRow;
      const rates = isRate ? [fresh, churned].map(({ rate }) => presentRate(rate)) : ['', ''];
      const ratio = isRate ? median(ratios) : fresh.p50 / churned.p50;
      const medians = [fresh, churned].map(({ p50 }) => p50.toFixed(1));
      const mongod = [fresh, churned].map((measured) => msEach(measured, 'mongod').toFixed(2));
      return [name, ...rates, ratio.toFixed(2), ...medians, ...mongod];
    }),
  );
}

function presentRate(rate: number): string {
  return rate < 100 ? rate.toFixed(1) : Math.round(rate).toLocaleString('en');
}
