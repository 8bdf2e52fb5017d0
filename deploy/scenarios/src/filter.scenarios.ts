import { beforeEach, describe, expect, it } from '@jest/globals';
import { chunk, errorEnvelope, streamedChat, usageChunk, usageOf, wholeChat, type Script, type Step } from '@sluice/testkit';
import { ask } from './ask.ts';
import { endedCall } from './audited-call.ts';
import { Channels } from './channels.ts';
import { eventually, type House } from './house.ts';
import { MESSAGES, MODEL, scriptedModel } from './scripted-model.ts';
import { StreamReader } from './stream-reader.ts';
import { becomesSo, makeTenant, sluiceJson, type Tenant } from './tenant.ts';

const WORD = 'sluxyq';
const EMAIL = 'jane.doe@example.com';

/** Every way to cut a text into pieces. */
function* splits(text: string): Generator<string[]> {
  for (let cuts = 0; cuts < 2 ** (text.length - 1); cuts++) {
    const pieces = [text[0]!];
    for (let index = 1; index < text.length; index++) {
      if (cuts & (1 << (index - 1))) pieces.push(text[index]!);
      else pieces[pieces.length - 1] += text[index]!;
    }
    yield pieces;
  }
}

type Place = { readonly name: string; readonly channel: string; readonly choices: number; chunkOf(text: string): object; wrap(pieces: string[]): string[]; readonly before: string };

const PLACES: readonly Place[] = [
  { name: 'content', channel: '0.content', choices: 1, chunkOf: (text) => chunk({ content: text }), wrap: (pieces) => ['so ', ...pieces, ' and on'], before: 'so ' },
  { name: 'reasoning', channel: '0.reasoning', choices: 1, chunkOf: (text) => chunk({ reasoning_content: text }), wrap: (pieces) => ['so ', ...pieces, ' and on'], before: 'so ' },
  { name: 'the second choice', channel: '1.content', choices: 2, chunkOf: (text) => chunk({ content: text }, { index: 1 }), wrap: (pieces) => ['so ', ...pieces, ' and on'], before: 'so ' },
  {
    name: 'tool arguments', channel: '0.tool0', choices: 1,
    chunkOf: (text) => chunk({ tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name: 'f', arguments: text } }] }),
    wrap: (pieces) => ['{"a":"so ', ...pieces.map((piece) => (piece === 'u' ? '\\u0075' : piece)), ' and on"}'], before: '{"a":"so ',
  },
];

function saying({ chunkOf, wrap, choices }: Place, pieces: string[]): Script {
  const said: Step[] = wrap(pieces).map((text) => ({ event: chunkOf(text) }));
  const ends: Step[] = Array.from({ length: choices }, (_, index) => ({ event: chunk({}, { index, finish_reason: 'stop' }) }));
  return { steps: [...said, ...ends, { event: usageChunk(usageOf(3, 9)) }, { event: '[DONE]' }] };
}

const finishReasons = (reader: StreamReader): Map<number, string> =>
  new Map(reader.events.filter((event) => event !== '[DONE]').flatMap((event) => (JSON.parse(event) as { choices: { index: number; finish_reason: string | null }[] }).choices).flatMap(({ index, finish_reason: reason }) => (reason ? [[index, reason] as const] : [])));

export function filterScenarios(at: () => House): void {
  describe('the content filter', () => {
    const upstream = scriptedModel(at);
    let tenant: Tenant;
    beforeEach(async () => {
      tenant = await makeTenant(at(), 'filter');
    });

    const read = async (request: object = {}): Promise<StreamReader> => {
      const reader = new StreamReader(at(), { model: MODEL, messages: MESSAGES, ...request }, tenant.key);
      await reader.ended;
      return reader;
    };
    const blockWord = async (): Promise<{ id: string }> => {
      const rule = await sluiceJson<{ id: string }>(at(), 'filter', 'add', WORD, '--kind', 'word', '--action', 'block', '--project', tenant.projectId, '--title', 'house rule');
      await becomesSo(at(), tenant, { messages: [{ role: 'user', content: `say ${WORD}` }] }, ({ status }) => status === 400);
      return rule;
    };

    it('refuses a blocked prompt by the title of the rule, never the word; nothing goes to the model, the record says which rule', async () => {
      const rule = await blockWord();
      const asked = upstream().requests.length;
      const answer = await ask(at(), { messages: [{ role: 'user', content: `please ＳＬＵ\u200bＸＹＱ now` }] }, { key: tenant.key });
      expect(answer).toMatchObject({ status: 400, error: { code: 'content_policy_violation' } });
      expect(answer.error.message).toContain('house rule');
      expect(JSON.stringify(answer.body)).not.toContain(WORD);
      expect(upstream().requests.length).toBe(asked);
      expect(await endedCall(at(), answer.id)).toMatchObject({
        status: 'refused', bodies: 'kept', refused: { by: { type: 'rule', rule_id: rule.id, title: 'house rule' } },
        request: { messages: [{ role: 'user', content: `please ＳＬＵ\u200bＸＹＱ now` }] },
      });
      // Another project has other rules.
      expect(await ask(at(), { messages: [{ role: 'user', content: WORD }] })).toMatchObject({ status: 200 });
    });

    it.each(PLACES)('lets nothing of a blocked word out that is cut in any way, in $name', async (place) => {
      await blockWord();
      for (const pieces of splits(WORD)) {
        upstream().next(saying(place, pieces));
        const reader = await read({ n: place.choices });
        const text = reader.received.texts.get(place.channel) ?? '';
        expect({ pieces, isPrefix: place.before.startsWith(text), reason: finishReasons(reader).get(Number(place.channel[0])) }).toEqual({ pieces, isPrefix: true, reason: 'content_filter' });
        expect(reader.done).toBe(true);
      }
      upstream().next(saying(place, [WORD]));
      const last = await read({ n: place.choices });
      const call = await endedCall(at(), last.id!);
      expect(call).toMatchObject({ status: 'answered', cut_by: 'rule' });
      expect(JSON.stringify(call)).not.toContain(WORD);
      expect(Channels.ofRecord(call).texts.get(place.channel) ?? '').toBe(last.received.texts.get(place.channel) ?? '');
    }, 120_000);

    it('passes nothing on that a backend says of a call that it refuses, nor keeps it; and nothing of a prompt that is refused before it could be masked', async () => {
      await blockWord();
      upstream().next(errorEnvelope(422, { message: `Cannot read ${WORD}.`, type: WORD, code: WORD, param: WORD }));
      const answer = await ask(at(), {}, { key: tenant.key });
      expect(answer).toMatchObject({ status: 422, error: { type: 'invalid_request_error', code: null, param: null } });
      expect(JSON.stringify([answer.body, await endedCall(at(), answer.id)])).not.toContain(WORD);
      const refused = await ask(at(), { temperature: 9, messages: [{ role: 'user', content: EMAIL }] }, { key: tenant.key });
      expect(refused.status).toBe(400);
      const kept = await endedCall(at(), refused.id);
      expect(kept).toMatchObject({ status: 'refused', request: null });
      expect(JSON.stringify(kept)).not.toContain(EMAIL);
      const proven = await eventually(async () => (await at().command('audit', 'verify', refused.id, '--json')).code === 0);
      expect(proven).toBe(true);
    });

    it('masks an e-mail in a stream as in the whole, going in and coming out, and withholds its log-probabilities', async () => {
      await sluiceJson(at(), 'filter', 'add', '--kind', 'pii:email', '--action', 'mask', '--project', tenant.projectId);
      const question = { messages: [{ role: 'user', content: `Write to ${EMAIL}.` }] };
      const text = `Her address is ${EMAIL}, they say.`;
      const { text: masked } = await sluiceJson<{ text: string }>(at(), 'filter', 'try', text, '--project', tenant.projectId, '--direction', 'out');
      expect(masked).not.toContain(EMAIL);
      await becomesSo(at(), tenant, question, () => !JSON.stringify(upstream().requests.at(-1)!.json()).includes(EMAIL));
      const pieces = text.match(/.{1,3}/gs)!;
      const logprobs = (token: string): object => ({ logprobs: { content: [{ token, logprob: -1, bytes: [...Buffer.from(token)], top_logprobs: [] }] } });
      upstream().next({ steps: [...pieces.map((piece) => ({ event: chunk({ content: piece }, logprobs(piece)) })), { event: chunk({}, { finish_reason: 'stop' }) }, { event: '[DONE]' }] });
      const reader = await read({ logprobs: true });
      expect(reader.text).toBe(masked);
      const told = reader.events.filter((event) => event.startsWith('{')).flatMap((event) => (JSON.parse(event) as { choices: { logprobs?: { content: { token: string }[] } | null }[] }).choices).flatMap(({ logprobs }) => logprobs?.content.map(({ token }) => token) ?? []).join('');
      expect(told).not.toMatch(/jan|ne\.|\.do|oe@|exa|com/);
      upstream().next(wholeChat({ pieces }));
      expect(await ask(at(), question, { key: tenant.key })).toMatchObject({ status: 200, body: { choices: [{ message: { content: masked } }] } });
      const call = await endedCall(at(), reader.id!);
      expect(JSON.stringify(call)).not.toContain(EMAIL);
      expect(call.choices[0]!.content).toBe(masked);
    });

    it('applies a rule that comes in mid-stream to the next call, and never mixes', async () => {
      const gate = Promise.withResolvers<void>();
      upstream().next({ steps: [{ event: chunk({ content: 'first ' }) }, { wait: gate.promise }, { event: chunk({ content: `${WORD} ` }) }, { event: chunk({ content: 'last' }) }, { event: chunk({}, { finish_reason: 'stop' }) }, { event: '[DONE]' }] });
      const reader = new StreamReader(at(), { model: MODEL, messages: MESSAGES }, tenant.key);
      await reader.characters(1);
      await blockWord();
      gate.resolve();
      await reader.ended;
      expect({ text: reader.text, done: reader.done }).toEqual({ text: `first ${WORD} last`, done: true });
      upstream().next(streamedChat({ pieces: ['first ', `${WORD} `, 'last'] }));
      const next = await read();
      expect({ text: next.text, reason: finishReasons(next).get(0) }).toEqual({ text: 'first ', reason: 'content_filter' });
    });

    it('that cannot go on lets nothing more out: more tool calls than it follows end the stream with one honest error, on record', async () => {
      await blockWord();
      const choices = 32;
      const call = (_: unknown, index: number): object => ({ event: chunk({ tool_calls: [{ index: Math.floor(index / choices), id: `call_${index}`, type: 'function', function: { name: 'f', arguments: '{"a":"slu' } }] }, { index: index % choices }) });
      upstream().next({ steps: [{ event: chunk({ content: 'so slu' }) }, ...(Array.from({ length: 100 * choices }, call) as Step[]), { event: chunk({ content: ' on' }) }, { event: chunk({}, { finish_reason: 'stop' }) }, { event: '[DONE]' }] });
      const reader = await read({ n: choices });
      expect({ text: reader.text, done: reader.done, code: reader.error?.code }).toEqual({ text: 'so ', done: false, code: 'content_filter_unavailable' });
      expect([...reader.received.texts.values()].join('')).not.toContain('slu');
      const recorded = await endedCall(at(), reader.id!);
      expect(recorded).toMatchObject({ status: 'failed', error_code: 'content_filter_unavailable' });
      expect(recorded.choices[0]!.content).toBe('so ');
      expect(JSON.stringify(recorded)).not.toContain('slu');
    });

    it('tells what its rules did', async () => {
      const rule = await blockWord();
      await becomesSo(at(), tenant, { messages: [{ role: 'user', content: WORD }] }, ({ status }) => status === 400);
      const list = await sluiceJson<{ data: { id: string }[] }>(at(), 'filter', 'list');
      expect(list.data.some(({ id }) => id === rule.id)).toBe(true);
      await eventually(async () => (await sluiceJson<{ data: { rule_id: string; blocked: number }[] }>(at(), 'filter', 'stats')).data.some(({ rule_id: id, blocked }) => id === rule.id && blocked > 0));
      expect(await sluiceJson(at(), 'filter', 'remove', rule.id)).toMatchObject({ id: rule.id });
      await becomesSo(at(), tenant, { messages: [{ role: 'user', content: WORD }] }, ({ status }) => status === 200);
    });
  });
}
