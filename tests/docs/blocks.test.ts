import { spawnSync } from 'node:child_process';
import test from 'ava';
import { findCallFault, listCalls } from './commands.js';
import { findIndentedCode, findMarkFaults, listShellBlocks } from './marks.js';
import { listSpans, type Page, readPages } from './pages.js';
import { findUnknownSettings } from './settings.js';

const all = readPages();
const instructing = all.filter(({ path }) => /^docs\/(?:tutorial|how-to)\//.test(path));

/** The pages whose commands a reader can run. */
const typed = all.filter(({ path }) => path !== 'CHANGELOG.md');

async function findCallFaults({ path, text }: Page): Promise<string[]> {
  const calls = [
    ...listShellBlocks({ path, text }).flatMap((block) =>
      listCalls(block.text).map((words) => ({ words, isMention: false })),
    ),
    ...listSpans(text).flatMap((span) => listCalls(`${span} `).map((words) => ({ words, isMention: true }))),
  ];
  const faults = await Promise.all(
    calls.map(async ({ words, isMention }) => {
      const fault = await findCallFault(words, isMention);
      return fault === undefined ? [] : [`${path}: queuepass ${words.join(' ')}: ${fault}`];
    }),
  );
  return faults.flat();
}

test('every shell block of the tutorial and the how-to pages names the file that runs it, or why nothing does', (t) => {
  t.deepEqual(instructing.flatMap(findMarkFaults), []);
  t.true(instructing.flatMap(listShellBlocks).length > 40);
  t.deepEqual(instructing.flatMap(findIndentedCode), []);
});

test('every shell block of every page is valid shell', (t) => {
  for (const page of all) {
    for (const { text, line } of listShellBlocks(page)) {
      const { status, stderr } = spawnSync('bash', ['-n'], { input: text, encoding: 'utf8' });
      t.is(status, 0, `${page.path}:${line}: ${stderr}`);
    }
  }
});

test('every queuepass command on every page is valid', async (t) => {
  t.deepEqual((await Promise.all(typed.map(findCallFaults))).flat(), []);
});

test('every setting that a page names is read by the server or the command', (t) => {
  t.deepEqual(typed.flatMap(findUnknownSettings), []);
});

test('a block without a mark, a block that its file does not contain, and a missing file are each reported', (t) => {
  const block = '```sh\nnpx queuepass doctor\n```\n';
  const faults = (text: string, name = 'page.md') => findMarkFaults({ path: `docs/how-to/${name}`, text });
  const mark = (text: string) => `# A page\n\n<!-- ${text} -->\n\n`;
  const here = 'tests/docs/how-to.test.ts';
  t.deepEqual(faults(`# A page\n\n${block}`), [
    'docs/how-to/page.md:3: nothing runs this block: mark it "run by: FILE" or "not run here: REASON"',
  ]);
  t.deepEqual(faults(mark('not run here: needs Juju') + block), []);
  t.deepEqual(faults(`${mark('not run here: needs Juju')}## A section\n\n${block}`), []);
  t.is(faults(`# A page\n\n## One\n\n<!-- not run here: needs Juju -->\n\n## Two\n\n${block}`).length, 1);
  t.deepEqual(faults(mark('run by: tests/gone.test.ts') + block), [
    'docs/how-to/page.md:5: tests/gone.test.ts does not exist',
  ]);
  t.deepEqual(faults(mark(`run by: ${here}`) + block), [
    `docs/how-to/page.md:5: ${here} does not name page.md`,
  ]);
  const named = 'move-from-testflinger.md';
  t.deepEqual(faults(mark(`run by: ${here}`) + block, named), []);
  t.deepEqual(faults(mark(`run by: ${here}`) + block.replace('doctor', 'migrate --gone'), named), [
    `docs/how-to/${named}:5: ${here} does not contain this block`,
  ]);
  t.deepEqual(findIndentedCode({ path: 'page.md', text: '# A page\n\n    npx queuepass doctor\n' }), [
    'page.md:3',
  ]);
});

test('an unknown command, option, argument or setting is reported', async (t) => {
  const text = `# A page
\`queuepass client frob\`, \`queuepass client add\`, \`QUEUEPASS_NOTHING\`, \`queuepass admin\`

\`\`\`sh
KEY=$(npx queuepass client add lab-ci --max-prio '*=1' --label "a b") && echo "$KEY"
JWT_SIGNING_KEE_FILE=x node server/cli/queuepass.mjs doctor extra | grep x
docker compose exec queuepass queuepass client show
PORT=1 queuepass job list --queue "q 1" > jobs
\`\`\`
`;
  const page = { path: 'page.md', text };
  t.deepEqual(await findCallFaults(page), [
    "page.md: queuepass client add lab-ci --max-prio *=1 --label a b: unknown option '--max-prio'; see: queuepass client add --help",
    "page.md: queuepass doctor extra: too many arguments for 'doctor'. Expected 0 arguments but got 1; see: queuepass doctor --help",
    "page.md: queuepass client show: missing required argument 'id'; see: queuepass client show --help",
    "page.md: queuepass client frob: unknown command 'frob'; see: queuepass client --help",
  ]);
  t.deepEqual(findUnknownSettings(page), ['page.md: JWT_SIGNING_KEE_FILE', 'page.md: QUEUEPASS_NOTHING']);
});
