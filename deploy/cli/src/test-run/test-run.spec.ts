import { describe, expect, it } from '@jest/globals';
import { selection, summarise } from './test-run.ts';

const REPORT = { numPassedTests: 3, numFailedTests: 0, numRuntimeErrorTestSuites: 0, wasInterrupted: false };

describe('a test run', () => {
  it('is good when something ran and nothing failed', () => {
    expect(summarise(REPORT, 0)).toEqual({ passed: 3, failed: 0, exitCode: 0 });
  });

  it.each([
    ['a test failed', { ...REPORT, numFailedTests: 1 }, 1, 1],
    ['a suite could not run', { ...REPORT, numRuntimeErrorTestSuites: 2 }, 1, 2],
    ['nothing ran', { ...REPORT, numPassedTests: 0 }, 0, 0],
    ['Jest itself failed', REPORT, 1, 0],
    ['it was interrupted', { ...REPORT, wasInterrupted: true }, 0, 0],
    ['there is no report', undefined, 1, 1],
  ])('is bad when %s', (_, report, exitCode, failed) => {
    expect(summarise(report, exitCode)).toMatchObject({ failed, exitCode: 1 });
  });

  it('picks by path where the pattern is part of one, else by test name', () => {
    const specs = ['libs/clock/src/clock.spec.ts', 'gateway/src/http/sse.spec.ts'];
    expect(selection(undefined, specs)).toEqual([]);
    expect(selection('./libs/clock', specs)).toEqual(['--runTestsByPath', 'libs/clock/src/clock.spec.ts']);
    expect(selection('wakes in order', specs)).toEqual(['--testNamePattern', 'wakes in order']);
  });
});
