import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { runJest, testEnvironment } from './run-jest.ts';

describe('Jest, as it is run', () => {
  let folder: string;
  let reportFile: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-run-jest-'));
    reportFile = join(folder, 'report.json');
  });
  afterEach(() => {
    jest.restoreAllMocks();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Runs one test in a process of its own; gives the exit code, the number of tests that passed, and what was said besides. */
  async function run(test: string, endLimitMs?: number): Promise<{ code: number; passed: unknown; said: string }> {
    let said = '';
    jest.spyOn(process.stderr, 'write').mockImplementation((text) => ((said += String(text)), true));
    writeFileSync(join(folder, 'one.test.cjs'), `test('one', () => { ${test} });`);
    const config = JSON.stringify({ rootDir: folder, testMatch: ['**/*.test.cjs'], reporters: [] });
    const code = await runJest({ words: ['--config', config], reportFile, ...(endLimitMs !== undefined && { endLimitMs }) });
    const { numPassedTests } = JSON.parse(readFileSync(reportFile, 'utf8')) as { numPassedTests: number };
    return { code, passed: numPassedTests, said };
  }

  it('ends with the code of Jest, and says nothing of its own', async () => {
    expect(await run('')).toEqual({ code: 0, passed: 1, said: '' });
    expect(await run('throw new Error()')).toEqual({ code: 1, passed: 0, said: '' });
  });

  it('ends although a test left something open, says so, and has failed', async () => {
    expect(await run("require('node:net').createServer().listen(0)", 400)).toEqual({ code: 1, passed: 1, said: expect.stringContaining('left a server') });
  });

  it('hands on the environment without options that would change how the tests run', () => {
    expect(testEnvironment({ PATH: '/bin', NODE_OPTIONS: '--require nothing', NODE_ENV: 'production', GONE: undefined })).toEqual({ PATH: '/bin', NX_DAEMON: 'false', NX_NO_CLOUD: 'true', NX_TUI: 'false' });
  });
});
