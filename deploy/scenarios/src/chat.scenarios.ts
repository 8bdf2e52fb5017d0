import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ScriptedUpstream, chunk, streamedChat, usageChunk, usageOf } from '@sluice/testkit';
import OpenAI from 'openai';
import { endedCall } from './audited-call.ts';
import { admin, eventually, type House } from './house.ts';
import { MESSAGES, MODEL, addModel, removeModel } from './scripted-model.ts';
import { StreamReader } from './stream-reader.ts';

export function chatScenarios(at: () => House): void {
  describe('chat', () => {
    let upstream: ScriptedUpstream;
    let client: OpenAI;

    beforeEach(async () => {
      upstream = await ScriptedUpstream.start();
      await addModel(at(), upstream);
      client = new OpenAI({ baseURL: `${at().url}/v1`, apiKey: at().apiKey, maxRetries: 0 });
    });

    afterEach(async () => {
      await removeModel(at());
      await upstream[Symbol.asyncDispose]();
    });

    it('answers the openai package, whole, and the audit holds question and answer', async () => {
      const { data, response } = await client.chat.completions.create({ model: MODEL, messages: MESSAGES, temperature: 0.5 }).withResponse();
      expect(data.choices[0]!.message.content).toBe('The answer is 42.');
      expect(data.model).toBe(MODEL);
      const id = response.headers.get('x-request-id')!;
      expect(data.id).toBe(`chatcmpl-${id}`);
      expect(await endedCall(at(), id)).toMatchObject({
        status: 'answered', request: { messages: MESSAGES, temperature: 0.5 },
        choices: [{ content: 'The answer is 42.', finish_reason: 'stop' }], usage: { input_tokens: 7, output_tokens: 5, estimated: false },
      });
    });

    it('streams to the openai package, and the audit holds every character', async () => {
      const stream = await client.chat.completions.create({ model: MODEL, messages: MESSAGES, stream: true, stream_options: { include_usage: true } });
      let [text, id] = ['', ''];
      let usage: OpenAI.CompletionUsage | null | undefined;
      for await (const part of stream) {
        text += part.choices[0]?.delta.content ?? '';
        id = part.id;
        usage = part.usage;
      }
      expect(text).toBe('The answer is 42.');
      expect(usage).toMatchObject({ prompt_tokens: 7, completion_tokens: 5, total_tokens: 12 });
      expect((await endedCall(at(), id)).choices[0]!.content).toBe(text);
    });

    it('carries tools, choices and log-probabilities to the backend and back as they are', async () => {
      const tools = [{ type: 'function' as const, function: { name: 'weather', parameters: { type: 'object', properties: { big: { const: 1 } } } } }];
      upstream.next({ steps: [
        { event: chunk({ role: 'assistant', content: null }) },
        { event: chunk({ tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name: 'weather', arguments: '' } }] }) },
        { event: chunk({ tool_calls: [{ index: 0, function: { arguments: '{"city":' } }] }) },
        { event: chunk({ tool_calls: [{ index: 0, function: { arguments: '"Köln"}' } }] }) },
        { event: chunk({}, { finish_reason: 'tool_calls' }) },
        { event: usageChunk(usageOf(9, 4)) }, { event: '[DONE]' },
      ], splitEveryBytes: 7 });
      const answer = await client.chat.completions.stream({ model: MODEL, messages: MESSAGES, tools, tool_choice: 'auto', logprobs: true, top_logprobs: 2, n: 1 }).finalChatCompletion();
      expect(answer.choices[0]!.message.tool_calls![0]).toMatchObject({ id: 'call_1', function: { name: 'weather', arguments: '{"city":"Köln"}' } });
      expect((await upstream.received(0)).json()).toMatchObject({ tools, tool_choice: 'auto', logprobs: true, top_logprobs: 2 });
      expect((await endedCall(at(), answer.id)).choices[0]!.tool_calls[0]).toMatchObject({ name: 'weather', arguments: '{"city":"Köln"}' });
    });

    it('lists models and aliases, and answers under the alias that was asked for', async () => {
      expect((await admin(at(), 'PUT', '/aliases/answerer', { model: MODEL })).status).toBe(200);
      await eventually(async () => (await client.models.list()).data.some(({ id }) => id === 'answerer'));
      expect((await client.models.retrieve(MODEL)).id).toBe(MODEL);
      expect((await client.chat.completions.create({ model: 'answerer', messages: MESSAGES })).model).toBe('answerer');
      await expect(client.models.retrieve('nobody')).rejects.toMatchObject({ status: 404, code: 'model_not_found' });
    });

    it('cancels at the backend when the client leaves in mid-stream, and the audit ends with what was sent', async () => {
      upstream.next(streamedChat({ pieces: Array.from({ length: 2000 }, (_, index) => ` word${index}`), gapMs: 5 }));
      const reader = new StreamReader(at(), { model: MODEL, messages: MESSAGES });
      await reader.characters(60);
      reader.leave();
      await (await upstream.received(0)).clientLeft;
      const call = await endedCall(at(), reader.id!);
      expect(call.status).toBe('disconnected');
      expect(call.choices[0]!.content!.startsWith(reader.text)).toBe(true);
    });
  });
}
