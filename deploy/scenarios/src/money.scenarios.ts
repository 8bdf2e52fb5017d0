import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { chunk, json, streamedChat, usageChunk, usageOf } from '@sluice/testkit';
import { ask } from './ask.ts';
import { endedCall } from './audited-call.ts';
import { eventually, type House } from './house.ts';
import { KeyBudget, OUTPUT_NANO, endless, priceOutput } from './key-budget.ts';
import { MESSAGES, MODEL, scriptedModel } from './scripted-model.ts';
import { StreamReader } from './stream-reader.ts';
import { makeTenant, sluiceJson, type Tenant } from './tenant.ts';

const CLIENTS = 10;

export function moneyScenarios(at: () => House): void {
  describe('money', () => {
    const upstream = scriptedModel(at);
    let tenant: Tenant;
    let budget: KeyBudget;

    beforeAll(async () => priceOutput(at(), MODEL));
    beforeEach(async () => {
      tenant = await makeTenant(at(), 'money');
      budget = new KeyBudget(at(), tenant);
      upstream().heal();
    });

    const open = (): StreamReader => new StreamReader(at(), { model: MODEL, messages: MESSAGES }, tenant.key);
    const lastChunk = (reader: StreamReader): Record<string, unknown> => JSON.parse(reader.events.at(-2)!) as Record<string, unknown>;

    it(`that ends exactly with ${CLIENTS} answers at once refuses none of them, and each of the next ${CLIENTS}: 429 insufficient_quota without Retry-After, on record with the level`, async () => {
      await budget.allow(5 * CLIENTS);
      upstream().always({ steps: [...['The', ' answer', ' is', ' 42', '.'].map((content) => ({ event: chunk({ content }) })), { event: chunk({}, { finish_reason: 'stop' }) }, { event: usageChunk(usageOf(7, 5)) }, { event: '[DONE]' }] });
      const all = (): StreamReader[] => Array.from({ length: CLIENTS }, () => new StreamReader(at(), { model: MODEL, messages: MESSAGES, max_tokens: 5 }, tenant.key));
      const last = all();
      await Promise.all(last.map(({ ended }) => ended));
      for (const reader of last) expect({ done: reader.done, text: reader.text }).toEqual({ done: true, text: 'The answer is 42.' });
      expect(await budget.settled()).toBe(5 * CLIENTS * OUTPUT_NANO);
      const next = all();
      await Promise.all(next.map(({ ended }) => ended));
      expect(next.map(({ status }) => status)).toEqual(next.map(() => 429));
      const refused = await ask(at(), {}, { key: tenant.key });
      expect({ status: refused.status, code: refused.error.code, type: refused.error.type, retryAfter: refused.headers.get('retry-after') }).toEqual({ status: 429, code: 'insufficient_quota', type: 'insufficient_quota', retryAfter: null });
      expect(await endedCall(at(), refused.id)).toMatchObject({ status: 'refused', refused: { by: { type: 'budget', level: 'key', subject_id: tenant.keyId } } });
      expect(await budget.settled()).toBe(5 * CLIENTS * OUTPUT_NANO);
      await budget.balances();
    }, 120_000);

    it(`that ends under ${CLIENTS} streams at once stops each with "length" and says so; not one nano-unit is overspent`, async () => {
      const tokens = 3000;
      await budget.allow(tokens);
      upstream().always(endless());
      const readers = Array.from({ length: CLIENTS }, open);
      await Promise.all(readers.map(({ ended }) => ended));
      const answered = readers.filter(({ status }) => status === 200);
      expect(readers.filter(({ status }) => status !== 200).map(({ status }) => status)).toEqual(readers.slice(answered.length).map(() => 429));
      for (const reader of answered) {
        expect(reader.done).toBe(true);
        expect(lastChunk(reader)).toMatchObject({ sluice: { stopped_by: 'budget' }, choices: [{ finish_reason: 'length' }] });
        expect(await endedCall(at(), reader.id!)).toMatchObject({ status: 'answered', governed: { stopped_by: 'budget' } });
      }
      const spent = await budget.settled();
      expect(spent).toBeLessThanOrEqual(tokens * OUTPUT_NANO);
      // Little of it is left over: every stream went on until no more was to be had, and a piece here is a token.
      expect(spent).toBeGreaterThan(0.9 * tokens * OUTPUT_NANO);
      await budget.balances();
    }, 120_000);

    it('that is limited while an answer runs that nothing limited ends it too', async () => {
      upstream().always(endless());
      const reader = open();
      await reader.characters(400);
      await budget.allow(1);
      await reader.ended;
      expect(reader.done).toBe(true);
      expect(lastChunk(reader)).toMatchObject({ sluice: { stopped_by: 'budget' }, choices: [{ finish_reason: 'length' }] });
      expect(await endedCall(at(), reader.id!)).toMatchObject({ status: 'answered', governed: { stopped_by: 'budget' } });
      await budget.balances();
    }, 120_000);

    it('of a whole answer is bounded too, and of a client or a backend that goes away in mid-stream only what was durable is billed', async () => {
      await budget.allow(1000);
      upstream().always((request) => ((request.json() as { stream?: boolean }).stream ? endless() : streamedChat()));
      const whole = await ask(at(), {}, { key: tenant.key });
      expect(whole).toMatchObject({ status: 200, body: { sluice: { stopped_by: 'budget' }, choices: [{ finish_reason: 'length' }] } });
      expect(await endedCall(at(), whole.id)).toMatchObject({ status: 'answered', cut_by: 'budget', governed: { parameters: [{ name: 'max_completion_tokens', asked: null, rule_id: null }] } });
      expect(await budget.settled()).toBeLessThanOrEqual(1000 * OUTPUT_NANO);

      await budget.allow(100_000);
      const before = await budget.settled();
      upstream().next(endless(3));
      const leaving = open();
      await leaving.characters(80);
      leaving.leave();
      const left = await budget.costOf(leaving);
      expect(left).toBeGreaterThan(0);
      expect(await budget.settled()).toBe(before + left);

      upstream().next({ steps: [...Array.from({ length: 40 }, () => ({ event: chunk({ content: ' wrd' }) })), { gapMs: 100 }, { reset: true }] });
      const broken = open();
      await broken.ended;
      expect(broken.done).toBe(false);
      const failed = await budget.costOf(broken);
      expect(failed).toBeGreaterThan(0);
      expect(await budget.settled()).toBe(before + left + failed);
      await budget.balances();
    }, 120_000);

    it('bounds a call also where the server takes no `max_completion_tokens`: answered, billed once, on record that it was asked twice, and only the first time', async () => {
      upstream().always((request) => {
        const refused = 'max_completion_tokens' in request.json();
        return refused ? json(422, { object: 'error', message: { detail: [{ type: 'extra_forbidden', loc: ['body', 'max_completion_tokens'], msg: 'Extra inputs are not permitted' }] } }) : streamedChat();
      });
      for (const [calls, events] of [[1, [{ type: 'attempt', error_code: 'upstream_refused' }, { type: 'started' }]], [2, [{ type: 'started' }]]] as const) {
        await budget.allow(1000 + 5 * calls);
        const whole = await ask(at(), {}, { key: tenant.key });
        expect(whole).toMatchObject({ status: 200, body: { choices: [{ message: { content: 'The answer is 42.' } }] } });
        expect(upstream().requests.at(-1)!.json()).toMatchObject({ max_tokens: expect.any(Number) });
        const call = await endedCall(at(), whole.id);
        expect(call).toMatchObject({ status: 'answered', cost_nano: String(5 * OUTPUT_NANO), usage: { input_tokens: 7, output_tokens: 5 } });
        expect((call as unknown as { events: object[] }).events.slice(0, events.length)).toMatchObject(events);
        expect(await budget.settled()).toBe(5 * calls * OUTPUT_NANO);
        const { data } = await eventually(async () => {
          const usage = await sluiceJson<{ data: { cost: string; calls: string }[] }>(at(), 'usage', '--key', tenant.keyId);
          return usage.data[0]?.calls === String(calls) && usage;
        });
        expect(data).toMatchObject([{ cost: String(5 * calls * OUTPUT_NANO) }]);
      }
      await budget.balances();
    }, 120_000);

    it('is told by day, project, key and model', async () => {
      await budget.allow(100_000);
      const reader = open();
      await reader.ended;
      const cost = await budget.costOf(reader);
      const row = await eventually(async () => (await sluiceJson<{ data: { cost: string; calls: string; model: string }[] }>(at(), 'usage', '--key', tenant.keyId)).data[0]);
      expect(row).toMatchObject({ cost: String(cost), calls: '1', model: MODEL, key: tenant.keyId, project: tenant.projectId });
    });
  });
}
