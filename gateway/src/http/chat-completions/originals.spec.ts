import { describe, expect, it } from '@jest/globals';
import { BodyPolicy } from '@sluice/proto/access/v1/access';
import type { CallCompleted, CallRefused } from '@sluice/proto/events/v1/calls';
import { TestHouse } from '../../testing/house.ts';

describe('originals', () => {
  it.each([
    [BodyPolicy.ORIGINAL_AND_SENT, ['original_prompt', 'original_output'], ['original_prompt']],
    [BodyPolicy.SENT, [], []],
    [BodyPolicy.DIGEST, [], []],
  ])('are committed to where the project of the key keeps them: policy %s', async (policy, ofAnswer, ofRefusal) => {
    const house = new TestHouse();
    house.bodyPolicy = policy;
    const key = house.addKey('inference');
    await house.start();
    try {
      for (const temperature of [1, 9]) {
        const body = JSON.stringify({ model: 'chat', temperature, messages: [{ role: 'user', content: 'hi' }] });
        await (await fetch(`${house.url}/v1/chat/completions`, { method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, body })).text();
      }
      const ends = house.records().filter(({ kind }) => kind === 'completed' || kind === 'refused').map(({ value }) => (value as CallCompleted | CallRefused).leaf!.commitments.map(({ name }) => name));
      expect(ends.map((names) => names.filter((name) => name.startsWith('original')))).toEqual([ofAnswer, ofRefusal]);
    } finally {
      await house.stop();
    }
  });
});
