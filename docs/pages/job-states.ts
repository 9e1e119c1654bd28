import { jobEvents } from '../../server/job/job-state.js';

const start = '<!-- states: made by `npm run docs` -->';
const end = '<!-- /states -->';

/** A page with the drawing of the job states, made from their table, in its place. */
export function drawJobStates(page: string): string {
  const from = page.indexOf(start);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error('the page has no place for the states of jobs');
  return `${page.slice(0, from)}${start}\n\n${presentDiagram()}\n\n${page.slice(to)}`;
}

function presentDiagram(): string {
  const lines = Object.values(jobEvents).flatMap(({ from, to, told }) =>
    (from.length === 0 ? ['[*]'] : from).flatMap((state) =>
      to.map((next) => `    ${state} --> ${next}: ${told}`),
    ),
  );
  return ['```mermaid', 'stateDiagram-v2', ...lines, '```'].join('\n');
}
