import { describe, expect, it } from '@jest/globals';
import type { OpenEpoch } from '@sluice/events';
import { closeSilentEpochs } from './close-silent-epochs.ts';

const open = (producer: string, silentMs: number, isReplaced = false): OpenEpoch => ({ producer, epoch: 1n, silentMs, isReplaced });

describe('closing epochs', () => {
  it('closes those that were silent for longer than a lease lasts, and those whose process has started again', async () => {
    const asked: string[] = [];
    const events = {
      openEpochs: async () => [open('lively', 14_999), open('silent', 15_000), open('replaced', 0, true), open('closed meanwhile', 60_000)],
      closeEpoch: async (producer: string) => {
        asked.push(producer);
        return producer !== 'closed meanwhile';
      },
    };
    expect((await closeSilentEpochs(events)).map(({ producer }) => producer)).toEqual(['silent', 'replaced']);
    expect(asked).toEqual(['silent', 'replaced', 'closed meanwhile']);
  });
});
