import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { globSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { EXIT } from '../exit-code.ts';
import { isErrno } from '../data-folder/private-file.ts';
import { ROOT, runJest } from './run-jest.ts';

const SPECS = '{proto,libs,gateway,services,deploy}/**/*.spec.ts';
/** Measures how long a house needs to come back, so nothing may run beside it: it begins when all others have ended. */
export const ALONE = 'deploy/chaos/src/chaos.spec.ts';

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

/** How one run of Jest ended: what it reported, when it came so far, and its exit code. */
export interface JestOutcome {
  readonly report: unknown;
  readonly exitCode: number;
}

/** Runs Jest over the whole house, lets its output through, and prints the sum as the last line. */
export async function runTests(only: string | undefined): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-test-'));
  try {
    const outcomes = await runAll(runsOf(only, specFiles()), async (words, index) => {
      const reportFile = join(folder, `report-${index}.json`);
      const exitCode = await runJest({ words, reportFile });
      return { report: await readReport(reportFile), exitCode };
    });
    const sum = summarise(outcomes);
    process.stdout.write(`${sum.passed} passed, ${sum.failed} failed\n`);
    return sum.exitCode;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** One run after the other; what was interrupted, or ended without a report, ends them all. */
export async function runAll(runs: readonly (readonly string[])[], run: (words: readonly string[], index: number) => Promise<JestOutcome>): Promise<JestOutcome[]> {
  const outcomes: JestOutcome[] = [];
  for (const [index, words] of runs.entries()) {
    const outcome = await run(words, index);
    outcomes.push(outcome);
    const { success, data } = report.safeParse(outcome.report);
    if (!success || data.wasInterrupted) break;
  }
  return outcomes;
}

/**
 * The words of each run of Jest. A pattern that is part of a spec's path picks those specs; any other picks tests by name.
 * The spec that runs alone has a run of its own, after that of the others; where it is all that was picked, there is no other.
 */
export function runsOf(only: string | undefined, specs: readonly string[]): string[][] {
  const wanted = only?.replace(/^\.\//, '');
  const paths = wanted === undefined ? [] : specs.filter((path) => path.includes(wanted));
  const picked = paths.length > 0 ? paths : specs;
  const byName = only !== undefined && paths.length === 0 ? ['--testNamePattern', only] : [];
  const alone = picked.includes(ALONE) ? [['--runTestsByPath', ALONE, ...byName]] : [];
  const others = picked.filter((path) => path !== ALONE);
  if (others.length === 0) return alone;
  // Jest finds the specs by itself where all of them are wanted, as it does without this command.
  const which = paths.length > 0 ? ['--runTestsByPath', ...others] : alone.length > 0 ? ['--testPathIgnorePatterns', '/node_modules/', escaped(ALONE)] : [];
  return [[...which, ...byName], ...alone];
}

/** A suite that could not run counts as a failure, and so does a run in which nothing ran. */
export function summarise(outcomes: readonly JestOutcome[]): TestSum {
  const sums = outcomes.map(sumOf);
  const passed = sums.reduce((sum, one) => sum + one.passed, 0);
  const failed = sums.reduce((sum, one) => sum + one.failed, 0);
  const isGood = failed === 0 && passed > 0 && sums.every(({ wentWell }) => wentWell);
  return { passed, failed, exitCode: isGood ? EXIT.done : EXIT.failed };
}

function sumOf({ report: result, exitCode }: JestOutcome): { passed: number; failed: number; wentWell: boolean } {
  const parsed = report.safeParse(result);
  if (!parsed.success) return { passed: 0, failed: 1, wentWell: false };
  const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites, wasInterrupted } = parsed.data;
  return { passed: numPassedTests, failed: numFailedTests + numRuntimeErrorTestSuites, wentWell: exitCode === 0 && !wasInterrupted };
}

function escaped(path: string): string {
  return path.replaceAll('.', '\\.');
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
