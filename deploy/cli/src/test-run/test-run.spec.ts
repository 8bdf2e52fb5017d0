import { describe, expect, it } from '@jest/globals';
import { ALONE, runAll, runsOf, summarise, type JestOutcome } from './test-run.ts';

const REPORT = { numPassedTests: 3, numFailedTests: 0, numRuntimeErrorTestSuites: 0, wasInterrupted: false };
const GOOD: JestOutcome = { report: REPORT, exitCode: 0 };
/** Of a run in which no test had the name that was asked for. */
const EMPTY: JestOutcome = { report: { ...REPORT, numPassedTests: 0 }, exitCode: 0 };

describe('a test run', () => {
  it('is good when something ran and nothing failed', () => {
    expect(summarise([GOOD])).toEqual({ passed: 3, failed: 0, exitCode: 0 });
  });

  it.each([
    ['a test failed', { ...REPORT, numFailedTests: 1 }, 1, 1],
    ['a suite could not run', { ...REPORT, numRuntimeErrorTestSuites: 2 }, 1, 2],
    ['nothing ran', { ...REPORT, numPassedTests: 0 }, 0, 0],
    ['Jest itself failed', REPORT, 1, 0],
    ['it was interrupted', { ...REPORT, wasInterrupted: true }, 0, 0],
    ['there is no report', undefined, 1, 1],
  ])('is bad when %s, also in one run of several', (_, report, exitCode, failed) => {
    expect(summarise([{ report, exitCode }])).toMatchObject({ failed, exitCode: 1 });
    if (failed > 0 || exitCode > 0) for (const outcomes of [[GOOD, { report, exitCode }], [{ report, exitCode }, GOOD]]) expect(summarise(outcomes)).toMatchObject({ failed, exitCode: 1 });
  });

  it('is bad when there was none', () => {
    expect(summarise([])).toEqual({ passed: 0, failed: 0, exitCode: 1 });
  });

  it('adds up its runs, of which one may have had nothing to run', () => {
    expect(summarise([GOOD, GOOD])).toEqual({ passed: 6, failed: 0, exitCode: 0 });
    for (const outcomes of [[GOOD, EMPTY], [EMPTY, GOOD]]) expect(summarise(outcomes)).toEqual({ passed: 3, failed: 0, exitCode: 0 });
  });

  it('goes on to the next run when tests failed, and not when it was interrupted or ended without a report', async () => {
    const runs = [['first'], ['second']];
    const wordsRun = async (first: JestOutcome): Promise<string[]> => {
      const seen: string[] = [];
      const outcomes = await runAll(runs, async (words) => (seen.push(...words), seen.length === 1 ? first : GOOD));
      expect(outcomes).toEqual([first, GOOD].slice(0, seen.length));
      return seen;
    };
    expect(await wordsRun(GOOD)).toEqual(['first', 'second']);
    expect(await wordsRun({ report: { ...REPORT, numFailedTests: 1 }, exitCode: 1 })).toEqual(['first', 'second']);
    expect(await wordsRun({ report: { ...REPORT, wasInterrupted: true }, exitCode: 1 })).toEqual(['first']);
    expect(await wordsRun({ report: undefined, exitCode: 1 })).toEqual(['first']);
  });
});

describe('what runs', () => {
  const specs = ['libs/clock/src/clock.spec.ts', 'gateway/src/http/sse.spec.ts'];

  it('is picked by path where the pattern is part of one, else by test name', () => {
    expect(runsOf(undefined, specs)).toEqual([[]]);
    expect(runsOf('./libs/clock', specs)).toEqual([['--runTestsByPath', 'libs/clock/src/clock.spec.ts']]);
    expect(runsOf('wakes in order', specs)).toEqual([['--testNamePattern', 'wakes in order']]);
  });

  it('is one run of all specs but one, and then this one alone', () => {
    const all = [...specs, ALONE, 'deploy/chaos/src/proxy/tcp-proxy.spec.ts'];
    const withoutIt = ['--testPathIgnorePatterns', '/node_modules/', 'deploy/chaos/src/chaos\\.spec\\.ts'];
    const itAlone = ['--runTestsByPath', ALONE];
    expect(runsOf(undefined, all)).toEqual([withoutIt, itAlone]);
    expect(runsOf('wakes in order', all)).toEqual([[...withoutIt, '--testNamePattern', 'wakes in order'], [...itAlone, '--testNamePattern', 'wakes in order']]);
    expect(runsOf('deploy/chaos', all)).toEqual([['--runTestsByPath', 'deploy/chaos/src/proxy/tcp-proxy.spec.ts'], itAlone]);
    expect(runsOf('chaos.spec', all)).toEqual([itAlone]);
    expect(runsOf('libs/clock', all)).toEqual([['--runTestsByPath', 'libs/clock/src/clock.spec.ts']]);
  });
});
