import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { processEnvironment, type Environment } from '@sluice/config';
import { EXIT } from '../exit-code.ts';

/** The repository. */
export const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));

/** Jest has nothing more to do once its report is written, and ends within a second. */
const END_LIMIT_MS = 30_000;
const LOOK_EVERY_MS = 200;
const LEFT_OPEN =
  'sluice: Jest did not end after its last test: a test left a server, a connection, a process or a timer open. ' +
  'Find it by running fewer specs with --only; a failed test may have caused it.\n';

const UNWANTED: ReadonlySet<string> = new Set(['NODE_OPTIONS', 'NODE_PATH', 'NODE_ENV', 'JEST_WORKER_ID']);

export interface JestRun {
  readonly words: readonly string[];
  /** Where Jest writes its report as JSON, when all tests have run. */
  readonly reportFile: string;
  /** How long Jest may take to end after its report; 30 s when not given. */
  readonly endLimitMs?: number;
}

/**
 * Runs Jest in the repository and gives its exit code. What a test left open cannot keep the run from ending: it is said
 * on standard error, and the run has failed. Jest's own `--forceExit` would end it without a word.
 *
 * Jest prints its report of people on standard error; with --json its standard output is only that, so it is dropped.
 */
export async function runJest({ words, reportFile, endLimitMs = END_LIMIT_MS }: JestRun): Promise<number> {
  const jest = join(ROOT, 'node_modules/jest/bin/jest.js');
  const arguments_ = ['--experimental-vm-modules', '--no-warnings', jest, ...words, '--json', `--outputFile=${reportFile}`];
  const child = spawn(process.execPath, arguments_, { cwd: ROOT, env: testEnvironment(), stdio: ['ignore', 'ignore', 'inherit'] });
  // An interrupt reaches Jest by the terminal; a plain kill of this process must take it along.
  const onTerminate = (): void => void child.kill('SIGTERM');
  process.on('SIGTERM', onTerminate).on('SIGINT', ignore);
  let waitedMs = 0;
  const watch = setInterval(() => {
    if (!existsSync(reportFile)) return;
    waitedMs += LOOK_EVERY_MS;
    if (waitedMs < endLimitMs) return;
    clearInterval(watch);
    process.stderr.write(LEFT_OPEN);
    child.kill('SIGKILL');
  }, LOOK_EVERY_MS);
  try {
    return await new Promise<number>((resolve, reject) => {
      child.once('error', reject).once('exit', (code) => resolve(code ?? EXIT.failed));
    });
  } finally {
    clearInterval(watch);
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
