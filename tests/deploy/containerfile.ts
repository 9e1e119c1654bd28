import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { repositoryPath } from './world.js';

/** The result of a Containerfile, as a directory instead of an image. */
export interface BuiltImage {
  /** The directory of the last `WORKDIR`. */
  workdir: string;
  /** The root directory of the image. */
  root: string;
  environment: Record<string, string>;
  user: string;
  command: string[];
  healthCommand: string[];
}

interface Stage extends BuiltImage {
  /** The last `WORKDIR` as written in the Containerfile. */
  path: string;
}

/**
 * Runs the steps of the Containerfile, each stage in its own directory. This machine replaces the base images.
 * @throws Error for an unknown instruction, so that none is skipped
 */
export function buildImage(folder: string): BuiltImage {
  const stages = new Map<string, Stage>();
  let stage: Stage | undefined;
  for (const [instruction, text] of readInstructions()) {
    if (instruction === 'FROM') {
      const name = / AS (\w+)$/.exec(text)?.[1] ?? 'last';
      stage = startStage(join(folder, name));
      stages.set(name, stage);
    } else if (stage === undefined) throw new Error(`${instruction} is before FROM`);
    else runStep(stage, stages, instruction, text);
  }
  if (stage === undefined) throw new Error('there is no FROM');
  return stage;
}

/** The size in MiB that the image adds to its base image. */
export function measureImage({ root }: BuiltImage): number {
  return Number(execFileSync('du', ['-sm', root], { encoding: 'utf8' }).split('\t')[0]);
}

/** Reads the instructions and their arguments. Joins continued lines. */
function readInstructions(): [string, string][] {
  return readFileSync(repositoryPath('Containerfile'), 'utf8')
    .replaceAll(/^#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => [line.slice(0, line.indexOf(' ')), line.slice(line.indexOf(' ') + 1)]);
}

function startStage(root: string): Stage {
  const { PATH = '', HOME = '' } = process.env;
  const environment = { PATH, HOME };
  return { root, workdir: root, path: '/', environment, user: 'root', command: [], healthCommand: [] };
}

function runStep(stage: Stage, stages: Map<string, Stage>, instruction: string, text: string): void {
  const readCommand = (words: string) => JSON.parse(words) as string[];
  const steps: Record<string, () => void> = {
    WORKDIR() {
      stage.path = text;
      stage.workdir = join(stage.root, text);
      mkdirSync(stage.workdir, { recursive: true });
    },
    COPY: () => copy(stage, stages, text.split(' ')),
    RUN: () => {
      execFileSync('sh', ['-c', text], { cwd: stage.workdir, env: stage.environment, stdio: 'pipe' });
    },
    ENV() {
      for (const [, name = '', value = ''] of text.matchAll(/(\w+)=(\S+)/g)) {
        const placed = value.replaceAll(stage.path, stage.workdir);
        stage.environment[name] = placed.replaceAll('$PATH', stage.environment.PATH ?? '');
      }
    },
    USER: () => (stage.user = text),
    EXPOSE: () => undefined,
    HEALTHCHECK: () => (stage.healthCommand = readCommand(text.slice(text.indexOf('CMD ') + 4))),
    CMD: () => (stage.command = readCommand(text)),
  };
  const step = steps[instruction];
  if (step === undefined) throw new Error(`unknown instruction ${instruction}`);
  step();
}

function copy(stage: Stage, stages: Map<string, Stage>, words: string[]): void {
  const from = /^--from=(\w+)$/.exec(words[0] ?? '')?.[1];
  const sources = from === undefined ? words.slice(0, -1) : words.slice(1, -1);
  const target = words.at(-1) as string;
  const kept = readFileSync(repositoryPath('.containerignore'), 'utf8').split('\n');
  for (const source of sources) {
    if (from === undefined && !kept.includes(`!${source}`))
      throw new Error(`${source} is not in the build context`);
    const place = from === undefined ? repositoryPath(source) : join(stages.get(from)?.root ?? '', source);
    const copied = join(stage.workdir, target, target.endsWith('/') ? source : '');
    mkdirSync(dirname(copied), { recursive: true });
    cpSync(place, copied, { recursive: true, verbatimSymlinks: true });
  }
}
