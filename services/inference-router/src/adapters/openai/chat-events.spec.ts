import { describe, expect, it } from '@jest/globals';
import { create, equals, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { Channel, ChatEventSchema, type ChatEvent } from '@sluice/proto/chat/v1/chat';
import { attempted, counts, delta, finished, started, toolDelta, usage } from './chat-events.ts';

const json = Buffer.from('{}');
const pairs: [string, ChatEvent, MessageInitShape<typeof ChatEventSchema>][] = [
  ['started', started({ versionId: 'v', deploymentId: 'd', systemFingerprint: 'f', serviceTier: '' }), { event: { case: 'started', value: { versionId: 'v', deploymentId: 'd', systemFingerprint: 'f' } } }],
  ['attempt', attempted({ versionId: 'v', deploymentId: 'd' }, 'upstream_refused'), { event: { case: 'attempt', value: { versionId: 'v', deploymentId: 'd', errorCode: 'upstream_refused' } } }],
  ['delta', delta(3, Channel.REASONING, 'x'), { event: { case: 'delta', value: { choice: 3, channel: Channel.REASONING, text: 'x' } } }],
  [
    'tool delta',
    toolDelta(0, Channel.TOOL_ARGUMENTS, '{', { index: 1, id: 'a', type: 'function', name: 'f' }),
    { event: { case: 'delta', value: { channel: Channel.TOOL_ARGUMENTS, text: '{', tool: { index: 1, id: 'a', type: 'function', name: 'f' } } } },
  ],
  ['finished', finished(1, 'stop'), { event: { case: 'finished', value: { choice: 1, reason: 'stop' } } }],
  ['counts', counts({ inputTokens: 1n, outputTokens: 2n, cachedInputTokens: 3n, reasoningTokens: 0n }), { event: { case: 'counts', value: { inputTokens: 1n, outputTokens: 2n, cachedInputTokens: 3n } } }],
  [
    'usage',
    usage({ inputTokens: 1n, outputTokens: 2n, cachedInputTokens: 0n, reasoningTokens: 3n, estimated: true, json }),
    { event: { case: 'usage', value: { inputTokens: 1n, outputTokens: 2n, reasoningTokens: 3n, estimated: true, json } } },
  ],
];

describe('events made as literals', () => {
  it.each(pairs)('are what protobuf-es makes: %s', (_, literal, init) => {
    const made = create(ChatEventSchema, init);
    expect(equals(ChatEventSchema, literal, made)).toBe(true);
    expect(toBinary(ChatEventSchema, literal)).toEqual(toBinary(ChatEventSchema, made));
  });
});
