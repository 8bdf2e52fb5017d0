import { describe, expect, it } from '@jest/globals';
import { connect } from 'node:net';
import { ask, expectEnvelope } from './ask.ts';
import type { House } from './house.ts';
import { MESSAGES, MODEL, scriptedModel } from './scripted-model.ts';

/** Fields of a chat request, each with the JSON types that are right for it. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  messages: ['array'], model: ['string'], temperature: ['number'], top_p: ['number'], n: ['number'], stream: ['boolean'], stop: ['string', 'array'],
  max_tokens: ['number'], max_completion_tokens: ['number'], presence_penalty: ['number'], frequency_penalty: ['number'], logit_bias: ['object'],
  logprobs: ['boolean'], top_logprobs: ['number'], seed: ['number'], tools: ['array'], tool_choice: ['string', 'object'], response_format: ['object'],
  stream_options: ['object'], metadata: ['object'], user: ['string'], parallel_tool_calls: ['boolean'], service_tier: ['string'], modalities: ['array'],
  audio: ['object'], function_call: ['string', 'object'], functions: ['array'], prediction: ['object'], prompt_cache_key: ['string'], prompt_cache_retention: ['string'],
  reasoning_effort: ['string'], safety_identifier: ['string'], store: ['boolean'], verbosity: ['string'], web_search_options: ['object'],
};
const VALUES: Readonly<Record<string, unknown>> = { string: 'x', number: 1.5, boolean: true, array: [[]], object: { x: [] } };
const WRONG = Object.entries(FIELDS).flatMap(([field, right]) => Object.keys(VALUES).filter((type) => !right.includes(type)).map((type) => [field, type] as const));

export function hostileScenarios(at: () => House): void {
  describe('hostile input', () => {
    scriptedModel(at);

    it.each(WRONG)('%s as %s is a 400 that names the field', async (field, type) => {
      const { status, error } = await ask(at(), { [field]: VALUES[type] });
      expect({ status, param: error.param?.split(/[.[]/)[0] }).toEqual({ status: 400, param: field });
    });

    it.each<[string, string | Buffer, string | null]>([
      ['a megabyte of nesting', `{"model":"${MODEL}","messages":${'['.repeat(500_000)}${']'.repeat(500_000)}}`, 'messages'],
      ['a megabyte of open brackets', '['.repeat(1_000_000), null],
      ['invalid UTF-8', Buffer.concat([Buffer.from(`{"model":"${MODEL}","messages":[{"role":"user","content":"`), Buffer.from([0xff, 0xfe, 0xc0]), Buffer.from('"}]}')]), null],
      ['an empty body', '', null],
      ['a list', '[]', null],
      ['a number', '7', null],
      ['half of an object', '{"model":"', null],
      ['a control character in the model', JSON.stringify({ model: 'a\u0000b\u001b[31m', messages: MESSAGES }), 'model'],
      ['a prototype', '{"model":"x","messages":[],"__proto__":{"admin":true}}', 'messages'],
      ['a field twice', `{"model":"${MODEL}","model":"other","messages":[{"role":"user","content":"x"}]}`, 'model'],
      ['an unknown role', JSON.stringify({ model: MODEL, messages: [{ role: 'root', content: 'x' }] }), 'messages[0].role'],
      ['no messages', JSON.stringify({ model: MODEL, messages: [] }), 'messages'],
    ])('%s is a 4xx that names what is at fault', async (_name, body, param) => {
      const { status, error } = await ask(at(), body);
      expect(Math.floor(status / 100)).toBe(4);
      expect(error.param).toBe(param);
    });

    it('takes 10,000 messages or refuses them by name, and answers', async () => {
      const { status, error } = await ask(at(), { messages: Array.from({ length: 10_000 }, () => MESSAGES[0]) });
      expect([200, 400]).toContain(status);
      if (status === 400) expect(error.param).toBe('messages');
    });

    it('answers what is no HTTP with a 400, headers without end with a 431, a body without end with a 413', async () => {
      expect(await raw('rubbish\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 [\s\S]*"error"/);
      expect(await raw(`GET /v1/models HTTP/1.1\r\nhost: x\r\nx-long: ${'a'.repeat(200_000)}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 [\s\S]*"error"/);
      expect((await ask(at(), Buffer.alloc(64 * 1024 * 1024, 32))).status).toBe(413);
    });

    it('answers unknown addresses and methods in the envelope', async () => {
      for (const [method, path, status] of [['GET', '/nothing', 404], ['POST', '/v1/nothing', 404], ['DELETE', '/v1/chat/completions', 405], ['GET', '/v1/models/%00', 404]] as const) {
        const answer = await fetch(at().url + path, { method, headers: { authorization: `Bearer ${at().apiKey}` } });
        expect({ path, status: answer.status }).toEqual({ path, status });
        expectEnvelope(await answer.json());
      }
    });

    it('is still there afterwards', async () => {
      expect((await ask(at())).status).toBe(200);
    });

    function raw(bytes: string): Promise<string> {
      const { hostname, port } = new URL(at().url);
      return new Promise((resolve, reject) => {
        const socket = connect(Number(port), hostname, () => socket.write(bytes));
        let text = '';
        socket.setEncoding('utf8').on('data', (part: string) => (text += part)).on('close', () => resolve(text)).on('error', (error) => (text ? resolve(text) : reject(error)));
        socket.setTimeout(60_000, () => socket.destroy(new Error('no answer')));
      });
    }
  });
}
