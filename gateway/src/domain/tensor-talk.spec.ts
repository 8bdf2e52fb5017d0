import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { encodeTensor, TensorTexts } from '@sluice/kserve';
import type { ChatEvent } from '@sluice/proto/chat/v1/chat';
import { FilteredOutputSchema, InputVerdictSchema, type FilteredOutput, type InputVerdict } from '@sluice/proto/content_filter/v1/content_filter';
import { ModelInferRequestSchema, ModelInferResponseSchema } from '@sluice/proto/kserve';
import fc from 'fast-check';
import type { Call, Events } from './call.ts';
import { TensorTalk } from './tensor-talk.ts';

const PRINCIPAL = { keyId: 'k', organisationId: 'o', projectId: 'p', models: [], keepsBodies: true };
const bytesOf = (texts: readonly string[]): Uint8Array => encodeTensor('BYTES', texts.map((text) => Buffer.from(text)));
const tensor = (texts: readonly string[]) => ({ name: 't', datatype: 'BYTES', shape: [BigInt(texts.length)] });
const request = (texts: readonly string[], raw = bytesOf(texts)): Uint8Array => toBinary(ModelInferRequestSchema, create(ModelInferRequestSchema, { inputs: [{ name: 'n', datatype: 'UINT8', shape: [1n] }, tensor(texts)], rawInputContents: [Uint8Array.of(9), raw] }));
const response = (texts: readonly string[]): Uint8Array => toBinary(ModelInferResponseSchema, create(ModelInferResponseSchema, { outputs: [tensor(texts)], rawOutputContents: [bytesOf(texts)] }));
const callOf = (tensors: Uint8Array): Call => ({ model: 'm', messages: Buffer.from('[]'), fields: [], stream: false, choices: 1, tensors });
const answer = (texts: readonly string[]): Events => [{ $typeName: 'chat.v1.ChatEvent', event: { case: 'tensors', value: { $typeName: 'chat.v1.Tensors', response: response(texts) } } }];
const STARTED: ChatEvent = { $typeName: 'chat.v1.ChatEvent', event: { case: 'started', value: { $typeName: 'chat.v1.Started', versionId: 'v', deploymentId: 'd', systemFingerprint: '', serviceTier: '' } } };

/** A filter that does this to each text; null: it blocks it. */
function filter(rule: (text: string) => string | null, action = 2, ignoresInput = false): TensorTalk & { asked: Call[]; outputs: number } {
  const seen = { asked: [] as Call[], outputs: 0 };
  const talk = new TensorTalk({
    async input({ call }): Promise<InputVerdict> {
      seen.asked.push(call);
      const messages = JSON.parse(Buffer.from(call.messages).toString()) as { content: string }[];
      if (action === 0) return create(InputVerdictSchema, { policyVersion: 1n, ignoresInput });
      return create(InputVerdictSchema, { policyVersion: 1n, action, call: { messages: Buffer.from(JSON.stringify(messages.map(({ content }) => ({ role: 'user', content: rule(content) ?? content })))) } });
    },
    async output(events): Promise<FilteredOutput> {
      seen.outputs++;
      const blocked = new Set<number>();
      const left = events.flatMap(({ event }): ChatEvent[] => {
        if (event.case === 'delta') {
          const text = rule(event.value.text);
          if (text === null) blocked.add(event.value.choice);
          return text === null ? [] : [{ $typeName: 'chat.v1.ChatEvent', event: { ...event, value: { ...event.value, text } } }];
        }
        return event.case === 'finished' ? [{ $typeName: 'chat.v1.ChatEvent', event: { ...event, value: { ...event.value, reason: blocked.has(event.value.choice) ? 'content_filter' : 'stop' } } }] : [];
      });
      return create(FilteredOutputSchema, { events: left, hitCount: blocked.size });
    },
    end: () => undefined,
  });
  return Object.assign(talk, seen);
}

const textsOf = (tensors: Uint8Array | undefined): readonly string[] => TensorTexts.ofRequest(tensors!).texts;

describe('tensors on their way through the filter', () => {
  it('show every text, and take what rules make of it, in both directions', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.string({ unit: 'grapheme' }), { maxLength: 6 }), async (texts) => {
      const rule = (text: string): string => text.replaceAll('a', '*').toUpperCase();
      const talk = filter(rule);
      const { call } = await talk.input({ callId: 'c', principal: PRINCIPAL, call: callOf(request(texts)) });
      expect(textsOf(call!.tensors)).toEqual(texts.map(rule));
      expect(talk.asked[0]!.tensors).toBeUndefined();
      const { events, stop } = await talk.output([STARTED, ...answer(texts)], false);
      expect(stop).toBe(false);
      expect(events[0]).toBe(STARTED);
      const left = events[1]!.event;
      expect(left.case === 'tensors' && TensorTexts.ofResponse(left.value.response).texts).toEqual(texts.map(rule));
    }), { numRuns: 50 });
  });

  it('stay as they are, to the byte, where no rule changes them', async () => {
    const raw = encodeTensor('BYTES', [Buffer.from([0xff, 0xd8, 0xff])]);
    const { call } = await filter((text) => text).input({ callId: 'c', principal: PRINCIPAL, call: callOf(request(['x'], raw)) });
    expect(Buffer.from(call!.tensors).equals(Buffer.from(request(['x'], raw)))).toBe(true);
  });

  it.each([
    ['pass unseen where no rule looks at input', true],
    ['are refused where one does', false],
  ])('that are more texts than rules can look at %s', async (_what, ignoresInput) => {
    const talk = filter((text) => text, 0, ignoresInput);
    const asked = talk.input({ callId: 'c', principal: PRINCIPAL, call: callOf(request(Array.from({ length: 2_001 }, () => 'x'))) });
    if (ignoresInput) expect(await asked).toMatchObject({ action: 0, ignoresInput: true });
    else await expect(asked).rejects.toMatchObject({ code: 'invalid_value', param: 'inputs', message: expect.stringContaining('rules of your organisation') });
    expect(talk.asked.map(({ messages, tensors }) => [Buffer.from(messages).toString(), tensors])).toEqual([['[]', undefined]]);
  });

  it('give nothing of an answer in which one text is blocked', async () => {
    const { events, stop, hitCount } = await filter((text) => (text === 'bad' ? null : text)).output([STARTED, ...answer(['good', 'bad'])], false);
    expect(events).toEqual([STARTED]);
    expect([stop, hitCount]).toEqual([true, 1]);
  });

  it('ask the filter of an answer once, and of what has no tensors never', async () => {
    const talk = filter((text) => text);
    await talk.output([STARTED], false);
    await talk.output([], true);
    expect(talk.outputs).toBe(0);
  });

  it('are refused where a rule would change a part of what is no text, and not kept where that is blocked anyway', async () => {
    const raw = encodeTensor('BYTES', [Buffer.from([0xff, 0x61])]);
    const asked = { callId: 'c', principal: PRINCIPAL, call: callOf(request(['x'], raw)) };
    await expect(filter(() => '***').input(asked)).rejects.toMatchObject({ code: 'content_policy_violation', param: 'inputs' });
    const blocked = await filter(() => '***', 1).input(asked);
    expect([blocked.action, blocked.call]).toEqual([1, undefined]);
  });

  it('pass nowhere when the filter does not decide about all of them', async () => {
    const forgets = new TensorTalk({
      input: async () => create(InputVerdictSchema, { action: 2, call: { messages: Buffer.from('[]') } }),
      output: async () => create(FilteredOutputSchema, {}),
      end: () => undefined,
    });
    await expect(forgets.input({ callId: 'c', principal: PRINCIPAL, call: callOf(request(['x'])) })).rejects.toMatchObject({ code: 'content_filter_unavailable' });
    await expect(forgets.output(answer(['x']), false)).rejects.toMatchObject({ code: 'content_filter_unavailable' });
  });
});
