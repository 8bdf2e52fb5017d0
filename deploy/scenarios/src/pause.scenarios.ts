import { beforeAll, describe, expect, it } from '@jest/globals';
import { streamedChat } from '@sluice/testkit';
import { endedCall } from './audited-call.ts';
import type { House } from './house.ts';
import { KeyBudget, endless, priceOutput } from './key-budget.ts';
import { MESSAGES, MODEL, scriptedModel } from './scripted-model.ts';
import { StreamReader, streamsAgain } from './stream-reader.ts';
import { makeTenant } from './tenant.ts';

/** Longer than a lease of 10 s and the 15 s of silence after which an epoch is closed. */
const PAUSE_MS = 16_000;
const START_LIMIT_MS = 120_000;
const GAP_MS = 2;
const WORDS = Array.from({ length: 20_000 }, (_, index) => ` w${index}`);

/** A process that the scheduler forgot, with a stream of each kind under way. */
export function pauseScenarios(at: () => House): void {
  describe('a process that was paused for too long', () => {
    const upstream = scriptedModel(at);
    let budget: KeyBudget;
    let reader: StreamReader;
    let spending: StreamReader;
    /** What the client had when the process woke up. */
    let before: string;

    beforeAll(async () => {
      const tenant = await makeTenant(at(), 'paused');
      budget = new KeyBudget(at(), tenant);
      await priceOutput(at(), MODEL);
      await budget.allow(100_000);
      upstream().next(streamedChat({ pieces: WORDS, gapMs: GAP_MS }), endless(GAP_MS));
      reader = new StreamReader(at(), { model: MODEL, messages: MESSAGES });
      await reader.characters(50);
      spending = new StreamReader(at(), { model: MODEL, messages: MESSAGES }, tenant.key);
      await spending.characters(50);
      at().pause();
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      before = reader.text;
      at().resume();
      await Promise.all([reader.ended, spending.ended]);
    }, START_LIMIT_MS);

    it('is given up: it sends nothing more, and goes on with new calls', async () => {
      expect(reader.done).toBe(false);
      const call = await endedCall(at(), reader.id!);
      expect(call.choices[0]!.content!.startsWith(reader.text)).toBe(true);
      // The client read all the while, so nothing was left in the sockets: not one more character may come.
      expect(reader.text).toBe(before);
      await streamsAgain(at());
    }, 240_000);

    it('spends nothing when it wakes up', async () => {
      expect(spending.done).toBe(false);
      expect(await budget.settled()).toBe(await budget.costOf(spending));
      await budget.balances();
    }, 240_000);
  });
}
