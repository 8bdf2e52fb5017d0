import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import OpenAI from 'openai';
import { mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AllInOneHouse } from './all-in-one-house.ts';
import { endedCall } from './audited-call.ts';
import { eventually } from './house.ts';
import { StreamReader } from './stream-reader.ts';
import { makeTenant, sluiceJson } from './tenant.ts';

/** The demonstration model: 135 million parameters know little, but that they know. */
const MODEL = 'smollm2-135m-instruct';
const QUESTION = [{ role: 'user' as const, content: 'What is the capital of France? Answer in one sentence.' }];
/** The first start may fetch 93 MB. */
const START_LIMIT_MS = 300_000;

describe('the main job, on the real model', () => {
  let house: AllInOneHouse;
  let client: OpenAI;

  beforeAll(async () => {
    house = await AllInOneHouse.make([]);
    client = new OpenAI({ baseURL: `${house.url}/v1`, apiKey: house.apiKey, maxRetries: 0 });
  }, START_LIMIT_MS);

  afterAll(async () => house?.[Symbol.asyncDispose]());

  it('chats with the openai package, whole and streamed; show tells all, verify proves it', async () => {
    const whole = await client.chat.completions.create({ model: MODEL, messages: QUESTION, max_tokens: 32, temperature: 0, seed: 7 });
    expect(whole.choices[0]!.message.content).toContain('Paris');
    expect(whole.usage).toMatchObject({ prompt_tokens: expect.any(Number), completion_tokens: expect.any(Number) });
    let [text, id] = ['', ''];
    for await (const part of await client.chat.completions.create({ model: MODEL, messages: QUESTION, max_tokens: 32, temperature: 0, seed: 7, stream: true })) {
      text += part.choices[0]?.delta.content ?? '';
      id = part.id;
    }
    expect(text).toBe(whole.choices[0]!.message.content);

    await endedCall(house, id);
    const shown = await house.command('audit', 'show', id);
    expect(shown).toMatchObject({ code: 0, stdout: expect.stringContaining(QUESTION[0]!.content) });
    expect(shown.stdout).toContain(text.split('\n')[0]);
    // A checkpoint covers a leaf within a second of its coming.
    await eventually(async () => (await house.command('audit', 'verify', id)).code === 0);
    expect(await house.command('audit', 'verify')).toMatchObject({ code: 0 });
  });

  it('chats in the terminal', async () => {
    expect(await house.command('chat', 'What is the capital of France? Answer in one sentence.', '--model', MODEL)).toMatchObject({ code: 0, stdout: expect.stringContaining('Paris') });
  });

  it('frees the model when a client leaves, counts exactly what it had got, and answers four at once', async () => {
    const messages = [{ role: 'user' as const, content: 'Tell me a very long story.' }];
    const long = new StreamReader(house, { model: MODEL, messages, max_tokens: 1500, temperature: 0, seed: 7 });
    await long.characters(20);
    long.leave();
    const left = await endedCall(house, long.id!);
    expect(left).toMatchObject({ status: 'disconnected', usage: { estimated: false } });
    // The same prompt, asked for so many tokens, says what the client that left has on record.
    const again = await client.chat.completions.create({ model: MODEL, messages, max_tokens: left.usage!.output_tokens, temperature: 0, seed: 7 });
    expect(again.usage).toMatchObject({ prompt_tokens: left.usage!.input_tokens, completion_tokens: left.usage!.output_tokens });
    expect(again.choices[0]!.message.content).toBe(left.choices[0]!.content);
    const answers = await Promise.all(Array.from({ length: 4 }, () => client.chat.completions.create({ model: MODEL, messages: QUESTION, max_tokens: 16, temperature: 0 })));
    for (const answer of answers) expect(answer.choices[0]!.message.content).toContain('Paris');
  });

  it('is given all that a budget affords and no more, whether the request names a length or not, and is billed by the tokens', async () => {
    await sluiceJson(house, 'price', 'set', MODEL, '--input', '0', '--output', '1000');
    const cut = async (slug: string, length: { readonly max_tokens?: number }) => {
      const tenant = await makeTenant(house, slug);
      await sluiceJson(house, 'budget', 'set', '--key', tenant.keyId, '--amount', '21000', '--period', 'day');
      const reader = new StreamReader(house, { model: MODEL, messages: [{ role: 'user', content: 'Tell me a very long story.' }], temperature: 0, ...length }, tenant.key);
      await reader.ended;
      return endedCall(house, reader.id!);
    };
    const stopped = { status: 'answered', governed: { stopped_by: 'budget' }, usage: { input_tokens: 37, output_tokens: 21, estimated: false } };
    expect(await cut('tight', { max_tokens: 300 })).toMatchObject(stopped);
    expect(await cut('tight-too', {})).toMatchObject(stopped);
  });

  it('is held by the tokens of its prompt where its bytes do not fit a budget, and refused only when they do not fit either', async () => {
    await sluiceJson(house, 'price', 'set', MODEL, '--input', '1000', '--output', '1000');
    const asking = async (slug: string, amount: number) => {
      const tenant = await makeTenant(house, slug);
      await sluiceJson(house, 'budget', 'set', '--key', tenant.keyId, '--amount', String(amount), '--period', 'day');
      return async () => {
        const reader = new StreamReader(house, { model: MODEL, messages: [{ role: 'user', content: 'Tell me a very long story.' }], temperature: 0, max_tokens: 300 }, tenant.key);
        await reader.ended;
        return reader;
      };
    };
    // 37 tokens, and 102 at most by its bytes.
    const affords = await asking('by-tokens', 58_000);
    const reader = await eventually(async () => {
      const each = await affords();
      // A tokeniser that is too busy to answer in time is no reason to wait for it: then the bytes count.
      return each.status === 200 && each;
    });
    const call = await endedCall(house, reader.id!);
    expect(call).toMatchObject({ status: 'answered', usage: { input_tokens: 37, output_tokens: 21, estimated: false }, governed: { stopped_by: 'budget', cost_nano: '58000', overrun_nano: '0', hold: { amount_nano: '58000', limited: true } } });
    const lacks = await (await asking('by-nothing', 37_999))();
    expect(lacks.status).toBe(429);
  });

  it('refuses by name what this model cannot do, and a prompt that does not fit', async () => {
    const tools = [{ type: 'function' as const, function: { name: 'f', parameters: { type: 'object' } } }];
    await expect(client.chat.completions.create({ model: MODEL, messages: QUESTION, tools })).rejects.toMatchObject({ status: 400, code: 'unsupported_parameter', param: 'tools' });
    await expect(client.chat.completions.create({ model: MODEL, messages: [{ role: 'user', content: 'word '.repeat(20_000) }] })).rejects.toMatchObject({ status: 400, code: 'context_length_exceeded', param: 'messages' });
  });

  it('is exported as files that hold the whole log, and a backup restored elsewhere verifies and answers', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-copies-'));
    try {
      expect(await house.command('audit', 'export', join(folder, 'log'))).toMatchObject({ code: 0 });
      expect(readdirSync(join(folder, 'log'))).toEqual(expect.arrayContaining(['checkpoint', 'tile']));
      expect(await house.command('backup', join(folder, 'backup'))).toMatchObject({ code: 0 });
      // What is restored must not live on what it was copied from.
      await house.stop();
      renameSync(house.dataFolder, `${house.dataFolder}-away`);
      await using restored = await AllInOneHouse.restored(join(folder, 'backup'));
      expect(await restored.command('audit', 'verify')).toMatchObject({ code: 0 });
      const again = new OpenAI({ baseURL: `${restored.url}/v1`, apiKey: house.apiKey, maxRetries: 0 });
      // The weights may still be read when the house is up.
      const answer = await eventually(() => again.chat.completions.create({ model: MODEL, messages: QUESTION, max_tokens: 16, temperature: 0 }));
      expect(answer.choices[0]!.message.content).toContain('Paris');
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }, 300_000);
});
