import { jobEvents } from '../../server/job/job-state.js';

const start = '<!-- states: made by `npm run docs` -->';
const end = '<!-- /states -->';

/** Returns the page with its diagram of the job states generated again from the table of states. */
export function drawJobStates(page: string): string {
  const from = page.indexOf(start);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error('the page has no markers for the diagram of the job states');
  return `${page.slice(0, from)}${start}\n\n${presentDiagram()}\n\n${page.slice(to)}`;
}

function presentDiagram(): string {
  const lines = Object.values(jobEvents).flatMap(({ from, to, description }) =>
    (from.length === 0 ? ['[*]'] : from).flatMap((state) =>
      to.map((next) => `    ${state} --> ${next}: ${description}`),
    ),
  );
  return ['```mermaid', 'stateDiagram-v2', ...lines, '```'].join('\n');
}
