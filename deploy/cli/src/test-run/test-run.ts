import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { globSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { EXIT } from '../exit-code.ts';
import { isErrno } from '../data-folder/private-file.ts';
import { ROOT, runJest } from './run-jest.ts';

const SPECS = '{proto,libs,gateway,services,deploy}/**/*.spec.ts';

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
    const exitCode = await runJest({ words: selection(only, specFiles()), reportFile: file });
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

async function readReport(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (error) {
    if (isErrno(error, 'ENOENT') || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
