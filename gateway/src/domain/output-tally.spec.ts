import { describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { ChatEventSchema, type ChatEvent } from '@sluice/proto/chat/v1/chat';
import type { EventInit } from '../testing/house.ts';
import { OutputTally } from './output-tally.ts';

const events = (...inits: EventInit[]): ChatEvent[] => inits.map((init) => create(ChatEventSchema, init));

describe('the tally of an answer', () => {
  it('counts bytes of UTF-8 over all channels, and estimates tokens while nobody counted', () => {
    const tally = new OutputTally(9);
    tally.add(events({ event: { case: 'delta', value: { text: 'é€' } } }, { event: { case: 'delta', value: { text: 'abc', channel: 2 } } }));
    expect([tally.bytes, tally.events]).toEqual([8, 2]);
    expect(tally.counts()).toEqual({ inputTokens: 3n, outputTokens: 2n, cachedInputTokens: 0n, reasoningTokens: 0n, estimated: true });
    tally.add(events({ event: { case: 'delta', value: { extraJson: Buffer.from('{}') } } }));
    expect([tally.bytes, tally.counts().outputTokens]).toEqual([8, 3n]);
  });

  it('takes the counts that came with the answer', () => {
    const tally = new OutputTally(9);
    tally.add(events({ event: { case: 'usage', value: { inputTokens: 7n, outputTokens: 8n, cachedInputTokens: 1n, reasoningTokens: 2n } } }));
    expect(tally.counts()).toEqual({ inputTokens: 7n, outputTokens: 8n, cachedInputTokens: 1n, reasoningTokens: 2n, estimated: false });
  });

  it('takes what was counted on the way until the answer ends, and estimates only what stands behind it', () => {
    const tally = new OutputTally(900);
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
    const tally = new OutputTally(900);
    tally.add(events({ event: { case: 'started', value: { versionId: 'v', deploymentId: 'd' } } }));
    tally.learn(events({ event: { case: 'counts', value: { inputTokens: 7n, outputTokens: 9n, cachedInputTokens: 1n, reasoningTokens: 3n } } }));
    expect(tally.counts()).toEqual({ inputTokens: 7n, outputTokens: 0n, cachedInputTokens: 1n, reasoningTokens: 0n, estimated: false });
  });

  it('pays for what was produced and is not on record', () => {
    const tally = new OutputTally(900);
    const said = { event: { case: 'delta', value: { text: 'twelve bytes', extraJson: Buffer.from('{"a":1}!') } } } as const;
    tally.produced(events({ event: { case: 'started', value: { versionId: 'v', deploymentId: 'd' } } }, said));
    expect([tally.counts(), tally.bytes, tally.events, tally.versionId]).toEqual([{ inputTokens: 225n, outputTokens: 5n, cachedInputTokens: 0n, reasoningTokens: 0n, estimated: true }, 0, 0, 'v']);
    tally.produced(events({ event: { case: 'counts', value: { inputTokens: 7n, outputTokens: 9n } } }, said));
    expect(tally.counts()).toMatchObject({ inputTokens: 7n, outputTokens: 14n, estimated: true });
  });

  it('keeps who answered and how each choice ended, in the order of choices', () => {
    const tally = new OutputTally(0);
    tally.add(events({ event: { case: 'started', value: { versionId: 'v', deploymentId: 'd' } } }, { event: { case: 'finished', value: { choice: 1, reason: 'length' } } }, { event: { case: 'finished', value: { choice: 0, reason: 'stop' } } }));
    expect([tally.versionId, tally.deploymentId, tally.finishReasons()]).toEqual(['v', 'd', ['stop', 'length']]);
  });

  it('knows who was asked last while nobody has answered, and then who answered', () => {
    const tally = new OutputTally(0);
    tally.learn(events({ event: { case: 'attempt', value: { versionId: 'v1', deploymentId: 'd1', errorCode: 'upstream_error' } } }, { event: { case: 'attempt', value: { versionId: 'v2', deploymentId: 'd2', external: true } } }));
    expect([tally.versionId, tally.deploymentId]).toEqual(['v2', 'd2']);
    tally.learn(events({ event: { case: 'started', value: { versionId: 'v3', deploymentId: 'd3' } } }));
    expect([tally.versionId, tally.deploymentId]).toEqual(['v3', 'd3']);
  });
});
