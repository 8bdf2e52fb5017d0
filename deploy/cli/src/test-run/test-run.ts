import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { globSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { processEnvironment, type Environment } from '@sluice/config';
import { z } from 'zod';
import { EXIT } from '../exit-code.ts';
import { isErrno } from '../data-folder/private-file.ts';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const SPECS = '{proto,libs,gateway,services,deploy}/**/*.spec.ts';

const UNWANTED: ReadonlySet<string> = new Set(['NODE_OPTIONS', 'NODE_PATH', 'NODE_ENV', 'JEST_WORKER_ID']);

const report = z.object({
  numPassedTests: z.int(),
  numFailedTests: z.int(),
  numRuntimeErrorTestSuites: z.int(),
  wasInterrupted: z.boolean().optional(),
});

export interface TestSum {
  readonly passed: number;
  readonly failed: number;
  readonly exitCode: number;
}

/** Runs Jest over the whole house, lets its output through, and prints the sum as the last line. */
export async function runTests(only: string | undefined): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-test-'));
  try {
    const file = join(folder, 'report.json');
    // Something that a failed test left open must not keep the sum from being told.
    const exitCode = await runJest([...selection(only, specFiles()), '--forceExit', '--json', `--outputFile=${file}`]);
    const sum = summarise(await readReport(file), exitCode);
    process.stdout.write(`${sum.passed} passed, ${sum.failed} failed\n`);
    return sum.exitCode;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A pattern that is part of a spec's path picks those specs; any other picks tests by name. */
export function selection(only: string | undefined, specs: readonly string[]): string[] {
  if (only === undefined) return [];
  const wanted = only.replace(/^\.\//, '');
  const paths = specs.filter((path) => path.includes(wanted));
  return paths.length > 0 ? ['--runTestsByPath', ...paths] : ['--testNamePattern', only];
}

/** A suite that could not run counts as a failure, and so does a run in which nothing ran. */
export function summarise(result: unknown, jestExitCode: number): TestSum {
  const parsed = report.safeParse(result);
  if (!parsed.success) return { passed: 0, failed: 1, exitCode: EXIT.failed };
  const { numPassedTests: passed, numFailedTests, numRuntimeErrorTestSuites: broken, wasInterrupted } = parsed.data;
  const failed = numFailedTests + broken;
  const isGood = failed === 0 && passed > 0 && jestExitCode === 0 && !wasInterrupted;
  return { passed, failed, exitCode: isGood ? EXIT.done : EXIT.failed };
}

function specFiles(): string[] {
  return globSync(SPECS, { cwd: ROOT, exclude: (path) => path.includes('node_modules') });
}

/** Jest prints its report of people on standard error; with --json its standard output is only that, so it is dropped. */
async function runJest(words: readonly string[]): Promise<number> {
  const jest = join(ROOT, 'node_modules/jest/bin/jest.js');
  const child = spawn(process.execPath, ['--experimental-vm-modules', '--no-warnings', jest, ...words], { cwd: ROOT, env: testEnvironment(), stdio: ['ignore', 'ignore', 'inherit'] });
  // An interrupt reaches Jest by the terminal; a plain kill of this process must take it along.
  const onTerminate = (): void => void child.kill('SIGTERM');
  process.on('SIGTERM', onTerminate).on('SIGINT', ignore);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', reject).once('exit', (code) => resolve(code ?? EXIT.failed));
    });
  } finally {
    process.off('SIGTERM', onTerminate).off('SIGINT', ignore);
  }
}

/** Of this process, without what would change how Node or Nx run the tests: a suite passes on one machine as on another. */
export function testEnvironment(environment: Environment = processEnvironment): Record<string, string> {
  const left = Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined && !UNWANTED.has(entry[0]));
  return { ...Object.fromEntries(left), NX_DAEMON: 'false', NX_NO_CLOUD: 'true', NX_TUI: 'false' };
}

function ignore(): void {
  // Jest ends by itself; its result is still to be printed.
}

async function readReport(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    if (isErrno(error, 'ENOENT') || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
