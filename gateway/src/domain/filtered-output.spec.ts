import { describe, expect, it } from '@jest/globals';
import type { FilteredOutput as Freed, Hit } from '@sluice/proto/content_filter/v1/content_filter';
import { FilteredOutput } from './filtered-output.ts';

const hit = (action: number): Hit => ({ $typeName: 'content_filter.v1.Hit', ruleId: 'r', kind: 'word', action, direction: 2, channel: 1, index: 0, start: 0n, end: 1n, textHash: new Uint8Array() });

function filtering(answers: Partial<Freed>[]) {
  const asked: boolean[] = [];
  const output = async (_events: unknown, last: boolean): Promise<Freed> => {
    asked.push(last);
    return { $typeName: 'content_filter.v1.FilteredOutput', events: [], hits: [], hitCount: 0, stop: false, ...answers.shift() };
  };
  return { asked, filtered: new FilteredOutput({ input: () => Promise.reject(new Error('not asked')), output, end: () => undefined }, 9n) };
}

describe('filtered output', () => {
  it('keeps the strongest action that was found, all counts, and that the end has come', async () => {
    const { filtered, asked } = filtering([{ hits: [hit(3)], hitCount: 1 }, { hits: [hit(2), hit(3)], hitCount: 5 }, { hits: [], hitCount: 0 }, { hits: [hit(1)], hitCount: 1, stop: true }]);
    const seen: unknown[] = [];
    for (let push = 0; push < 4; push++) {
      await filtered.push([], push === 3);
      seen.push([filtered.verdict.action, filtered.verdict.hitCount, filtered.isOver]);
    }
    expect(seen).toEqual([[3, 1, false], [2, 6, false], [2, 6, false], [1, 7, true]]);
    expect([asked, filtered.verdict.policyVersion, filtered.verdict.hits.length]).toEqual([[false, false, false, true], 9n, 4]);
  });
});
