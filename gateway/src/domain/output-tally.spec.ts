import { describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { ChatEventSchema, type ChatEvent } from '@sluice/proto/chat/v1/chat';
import type { EventInit } from '../testing/house.ts';
import { OutputTally } from './output-tally.ts';

const events = (...inits: EventInit[]): ChatEvent[] => inits.map((init) => create(ChatEventSchema, init));

describe('the tally of an answer', () => {
  it('counts bytes of UTF-8 over all channels, and estimates tokens while nobody counted', () => {
    const tally = new OutputTally(() => 3n);
    tally.add(events({ event: { case: 'delta', value: { text: 'é€' } } }, { event: { case: 'delta', value: { text: 'abc', channel: 2 } } }));
    expect([tally.bytes, tally.events]).toEqual([8, 2]);
    expect(tally.counts()).toEqual({ inputTokens: 3n, outputTokens: 2n, cachedInputTokens: 0n, reasoningTokens: 0n, estimated: true });
    tally.add(events({ event: { case: 'delta', value: { extraJson: Buffer.from('{}') } } }));
    expect([tally.bytes, tally.counts().outputTokens]).toEqual([8, 3n]);
  });

  it('takes the counts that came with the answer', () => {
    const tally = new OutputTally(() => 3n);
    tally.add(events({ event: { case: 'usage', value: { inputTokens: 7n, outputTokens: 8n, cachedInputTokens: 1n, reasoningTokens: 2n } } }));
    expect(tally.counts()).toEqual({ inputTokens: 7n, outputTokens: 8n, cachedInputTokens: 1n, reasoningTokens: 2n, estimated: false });
  });

  it('takes what was counted on the way until the answer ends, and estimates only what stands behind it', () => {
    const tally = new OutputTally(() => 225n);
    const counted = (outputTokens: bigint): EventInit => ({ event: { case: 'counts', value: { inputTokens: 7n, outputTokens, cachedInputTokens: 1n } } });
    const said = (text: string): EventInit => ({ event: { case: 'delta', value: { text } } });
    tally.add(events(said('twelve bytes'), counted(5n), said('tail!')));
    expect(tally.counts()).toEqual({ inputTokens: 7n, outputTokens: 7n, cachedInputTokens: 1n, reasoningTokens: 0n, estimated: true });
    tally.add(events(counted(6n)));
    expect(tally.counts()).toEqual({ inputTokens: 7n, outputTokens: 6n, cachedInputTokens: 1n, reasoningTokens: 0n, estimated: false });
    expect(tally.events).toBe(2);
    tally.learn(events(said('nobody gets this'), counted(9n)));
    expect(tally.counts()).toMatchObject({ outputTokens: 6n, estimated: false });
    tally.add(events({ event: { case: 'usage', value: { inputTokens: 7n, outputTokens: 10n } } }));
    expect(tally.counts()).toMatchObject({ outputTokens: 10n, cachedInputTokens: 0n, estimated: false });
  });

  it('takes the prompt from output that nobody gets, and none of that output', () => {
    const tally = new OutputTally(() => 225n);
    tally.add(events({ event: { case: 'started', value: { versionId: 'v', deploymentId: 'd' } } }));
    tally.learn(events({ event: { case: 'counts', value: { inputTokens: 7n, outputTokens: 9n, cachedInputTokens: 1n, reasoningTokens: 3n } } }));
    expect(tally.counts()).toEqual({ inputTokens: 7n, outputTokens: 0n, cachedInputTokens: 1n, reasoningTokens: 0n, estimated: false });
  });

  describe('when the client left', () => {
    const produced = events({ event: { case: 'usage', value: { inputTokens: 7n, outputTokens: 9n, estimated: true } } })[0]!;
    const answered: EventInit = { event: { case: 'started', value: { versionId: 'v', deploymentId: 'd' } } };
    const asked = (external: boolean, errorCode = ''): EventInit => ({ event: { case: 'attempt', value: { versionId: 'v', deploymentId: 'd', external, errorCode } } });

    it.each<[string, EventInit[], bigint]>([
      ['by a backend that answers', [answered], 9n],
      ['by a backend outside of the house that has the prompt', [asked(true)], 9n],
      ['by a backend outside of the house that failed', [asked(true), asked(true, 'upstream_error')], 0n],
      ['by nobody', [asked(false, 'upstream_error')], 0n],
    ])('pays for what was produced %s', (_whom, seen, outputTokens) => {
      const tally = new OutputTally(() => 225n);
      tally.add(events(...seen));
      tally.leave(produced);
      expect(tally.counts()).toMatchObject({ inputTokens: outputTokens === 0n ? 0n : 7n, outputTokens });
    });

    it('pays for the prompt where nothing was counted, and for what was reported where something was', () => {
      const [tally, reported] = [new OutputTally(() => 225n), new OutputTally(() => 225n)];
      tally.add(events(asked(true)));
      tally.leave(undefined);
      expect(tally.counts()).toMatchObject({ inputTokens: 225n, outputTokens: 0n, estimated: true });
      reported.add(events(answered, { event: { case: 'usage', value: { inputTokens: 5n, outputTokens: 6n } } }));
      reported.leave(produced);
      expect(reported.counts()).toMatchObject({ inputTokens: 5n, outputTokens: 6n, estimated: false });
    });
  });

  it('keeps who answered and how each choice ended, in the order of choices', () => {
    const tally = new OutputTally(() => 0n);
    tally.add(events({ event: { case: 'started', value: { versionId: 'v', deploymentId: 'd' } } }, { event: { case: 'finished', value: { choice: 1, reason: 'length' } } }, { event: { case: 'finished', value: { choice: 0, reason: 'stop' } } }));
    expect([tally.versionId, tally.deploymentId, tally.finishReasons()]).toEqual(['v', 'd', ['stop', 'length']]);
  });

  it('knows who was asked last while nobody has answered, and then who answered', () => {
    const tally = new OutputTally(() => 0n);
    tally.learn(events({ event: { case: 'attempt', value: { versionId: 'v1', deploymentId: 'd1', errorCode: 'upstream_error' } } }, { event: { case: 'attempt', value: { versionId: 'v2', deploymentId: 'd2', external: true } } }));
    expect([tally.versionId, tally.deploymentId]).toEqual(['v2', 'd2']);
    tally.learn(events({ event: { case: 'started', value: { versionId: 'v3', deploymentId: 'd3' } } }));
    expect([tally.versionId, tally.deploymentId]).toEqual(['v3', 'd3']);
  });
});
