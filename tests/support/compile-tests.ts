import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { stop, transform } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folders = ['server', 'tests', 'docs'];
const output = 'build-tests';

/**
 * Compiles server, tests and docs into `build-tests/`: if each test file's process compiled what it imports, a run would
 * take minutes longer. In tests and docs `import.meta.url` stays that of the source, so that they find pages, fixtures
 * and the scripts that they start.
 */
export async function compileTests(): Promise<void> {
  const made = new Map<string, string>([['package.json', readFileSync(join(root, 'package.json'), 'utf8')]]);
  await Promise.all(
    folders.flatMap(listFiles).map(async (file) => {
      const text = readFileSync(join(root, file), 'utf8');
      if (/\.m?js$/.test(file)) made.set(file, text);
      else made.set(file.replace(/\.tsx?$/, '.js'), await compile(file, text));
    }),
  );
  await stop();
  for (const file of listFiles(output)) if (!made.has(relative(output, file))) rmSync(join(root, file));
  for (const [file, text] of made) writeIfChanged(join(root, output, file), text);
}

/** Turns the arguments of `npm test` that name test files, or folders of them, into those of the compiled ones. */
export function nameCompiled(argument: string): string {
  const path = relative(root, resolve(argument));
  if (path !== 'tests' && !path.startsWith('tests/')) return argument;
  return join(output, path.replace(/\.ts$/, '.js'));
}

function listFiles(folder: string): string[] {
  mkdirSync(join(root, folder), { recursive: true });
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && (folder === output || /\.(m?js|tsx?)$/.test(entry.name)))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
    .filter((file) => !file.includes('node_modules') && !file.endsWith('.d.ts'));
}

async function compile(file: string, text: string): Promise<string> {
  const url = JSON.stringify(pathToFileURL(join(root, file)).href);
  const { code } = await transform(text, {
    loader: file.endsWith('.tsx') ? 'tsx' : 'ts',
    format: 'esm',
    target: 'node20',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    sourcemap: 'inline',
    sourcesContent: false,
    sourcefile: join(root, file),
    // Files of the server name the files beside them with the extension of their own.
    ...(file.startsWith('server/') ? {} : { define: { 'import.meta.url': url } }),
  });
  return code;
}

function writeIfChanged(path: string, text: string): void {
  let found: string | undefined;
  try {
    found = readFileSync(path, 'utf8');
  } catch {
    mkdirSync(dirname(path), { recursive: true });
  }
  if (found !== text) writeFileSync(path, text);
}
