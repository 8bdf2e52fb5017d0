import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { chunk, json, streamedChat, usageChunk, usageOf, type Script } from '@sluice/testkit';
import { ask } from './ask.ts';
import { endedCall } from './audited-call.ts';
import { eventually, type House } from './house.ts';
import { MESSAGES, MODEL, scriptedModel } from './scripted-model.ts';
import { StreamReader } from './stream-reader.ts';
import { makeTenant, sluiceJson, type Tenant } from './tenant.ts';

const OUTPUT_NANO = 1000;
const CLIENTS = 10;
/** Longer than a lease of 10 s and the 15 s of silence after which an epoch is closed. */
const PAUSE_MS = 16_000;
const WORDS = Array.from({ length: 20_000 }, () => ' wrd');

interface BudgetView {
  readonly level: string;
  readonly id: string;
  readonly amount: string;
  readonly spent: string;
  readonly held: string;
}

/** An answer of a token a piece that goes on until it is stopped. */
const endless = (gapMs = 1): Script => streamedChat({ pieces: WORDS, gapMs });

export function moneyScenarios(at: () => House): void {
  describe('money', () => {
    const upstream = scriptedModel(at);
    let tenant: Tenant;

    beforeAll(async () => {
      await sluiceJson(at(), 'price', 'set', MODEL, '--input', '0', '--output', String(OUTPUT_NANO));
    });
    beforeEach(async () => {
      tenant = await makeTenant(at(), 'money');
      upstream().heal();
    });

    const allow = async (tokens: number): Promise<void> => {
      await sluiceJson(at(), 'budget', 'set', '--key', tenant.keyId, '--amount', String(tokens * OUTPUT_NANO), '--period', 'day');
    };
    const budget = async (): Promise<BudgetView> => (await sluiceJson<BudgetView[]>(at(), 'budget', 'show')).find(({ id }) => id === tenant.keyId)!;
    const open = (): StreamReader => new StreamReader(at(), { model: MODEL, messages: MESSAGES }, tenant.key);
    /** Everything that was held is returned; gives what was spent. */
    const settled = async (): Promise<number> => Number((await eventually(async () => {
      const now = await budget();
      return now.held === '0' && now;
    })).spent);
    const costOf = async (reader: StreamReader): Promise<number> => ((await endedCall(at(), reader.id!)).usage?.output_tokens ?? 0) * OUTPUT_NANO;
    const balances = async (): Promise<void> => {
      const { code, stdout } = await at().command('ledger', 'check', '--json');
      expect({ code, faults: (JSON.parse(stdout) as { faults: unknown[] }).faults }).toEqual({ code: 0, faults: [] });
    };
    const lastChunk = (reader: StreamReader): Record<string, unknown> => JSON.parse(reader.events.at(-2)!) as Record<string, unknown>;

    it(`that ends exactly with ${CLIENTS} answers at once refuses none of them, and each of the next ${CLIENTS}: 429 insufficient_quota without Retry-After, on record with the level`, async () => {
      await allow(5 * CLIENTS);
      upstream().always({ steps: [...['The', ' answer', ' is', ' 42', '.'].map((content) => ({ event: chunk({ content }) })), { event: chunk({}, { finish_reason: 'stop' }) }, { event: usageChunk(usageOf(7, 5)) }, { event: '[DONE]' }] });
      const all = (): StreamReader[] => Array.from({ length: CLIENTS }, () => new StreamReader(at(), { model: MODEL, messages: MESSAGES, max_tokens: 5 }, tenant.key));
      const last = all();
      await Promise.all(last.map(({ ended }) => ended));
      for (const reader of last) expect({ done: reader.done, text: reader.text }).toEqual({ done: true, text: 'The answer is 42.' });
      expect(await settled()).toBe(5 * CLIENTS * OUTPUT_NANO);
      const next = all();
      await Promise.all(next.map(({ ended }) => ended));
      expect(next.map(({ status }) => status)).toEqual(next.map(() => 429));
      const refused = await ask(at(), {}, { key: tenant.key });
      expect({ status: refused.status, code: refused.error.code, type: refused.error.type, retryAfter: refused.headers.get('retry-after') }).toEqual({ status: 429, code: 'insufficient_quota', type: 'insufficient_quota', retryAfter: null });
      expect(await endedCall(at(), refused.id)).toMatchObject({ status: 'refused', refused: { by: { type: 'budget', level: 'key', subject_id: tenant.keyId } } });
      expect(await settled()).toBe(5 * CLIENTS * OUTPUT_NANO);
      await balances();
    }, 120_000);

    it(`that ends under ${CLIENTS} streams at once stops each with "length" and says so; not one nano-unit is overspent`, async () => {
      const tokens = 3000;
      await allow(tokens);
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
      const spent = await settled();
      expect(spent).toBeLessThanOrEqual(tokens * OUTPUT_NANO);
      // Little of it is left over: every stream went on until no more was to be had, and a piece here is a token.
      expect(spent).toBeGreaterThan(0.9 * tokens * OUTPUT_NANO);
      await balances();
    }, 120_000);

    it('that is limited while an answer runs that nothing limited ends it too', async () => {
      upstream().always(endless());
      const reader = open();
      await reader.characters(400);
      await allow(1);
      await reader.ended;
      expect(reader.done).toBe(true);
      expect(lastChunk(reader)).toMatchObject({ sluice: { stopped_by: 'budget' }, choices: [{ finish_reason: 'length' }] });
      expect(await endedCall(at(), reader.id!)).toMatchObject({ status: 'answered', governed: { stopped_by: 'budget' } });
      await balances();
    }, 120_000);

    it('of a whole answer is bounded too, and of a client, a backend or a house that goes away in mid-stream only what was durable is billed', async () => {
      await allow(1000);
      upstream().always((request) => ((request.json() as { stream?: boolean }).stream ? endless() : streamedChat()));
      const whole = await ask(at(), {}, { key: tenant.key });
      expect(whole).toMatchObject({ status: 200, body: { sluice: { stopped_by: 'budget' }, choices: [{ finish_reason: 'length' }] } });
      expect(await endedCall(at(), whole.id)).toMatchObject({ status: 'answered', cut_by: 'budget', governed: { parameters: [{ name: 'max_completion_tokens', asked: null, rule_id: null }] } });
      expect(await settled()).toBeLessThanOrEqual(1000 * OUTPUT_NANO);

      await allow(100_000);
      const before = await settled();
      upstream().next(endless(3));
      const leaving = open();
      await leaving.characters(80);
      leaving.leave();
      const left = await costOf(leaving);
      expect(left).toBeGreaterThan(0);
      expect(await settled()).toBe(before + left);

      upstream().next({ steps: [...Array.from({ length: 40 }, () => ({ event: chunk({ content: ' wrd' }) })), { gapMs: 100 }, { reset: true }] });
      const broken = open();
      await broken.ended;
      expect(broken.done).toBe(false);
      const failed = await costOf(broken);
      expect(failed).toBeGreaterThan(0);
      expect(await settled()).toBe(before + left + failed);
      await balances();
    }, 120_000);

    it('bounds a call also where the server takes no `max_completion_tokens`: answered, billed once, on record that it was asked twice, and only the first time', async () => {
      upstream().always((request) => {
        const refused = 'max_completion_tokens' in request.json();
        return refused ? json(422, { object: 'error', message: { detail: [{ type: 'extra_forbidden', loc: ['body', 'max_completion_tokens'], msg: 'Extra inputs are not permitted' }] } }) : streamedChat();
      });
      for (const [calls, events] of [[1, [{ type: 'attempt', error_code: 'upstream_refused' }, { type: 'started' }]], [2, [{ type: 'started' }]]] as const) {
        await allow(1000 + 5 * calls);
        const whole = await ask(at(), {}, { key: tenant.key });
        expect(whole).toMatchObject({ status: 200, body: { choices: [{ message: { content: 'The answer is 42.' } }] } });
        expect(upstream().requests.at(-1)!.json()).toMatchObject({ max_tokens: expect.any(Number) });
        const call = await endedCall(at(), whole.id);
        expect(call).toMatchObject({ status: 'answered', cost_nano: String(5 * OUTPUT_NANO), usage: { input_tokens: 7, output_tokens: 5 } });
        expect((call as unknown as { events: object[] }).events.slice(0, events.length)).toMatchObject(events);
        expect(await settled()).toBe(5 * calls * OUTPUT_NANO);
        const { data } = await eventually(async () => {
          const usage = await sluiceJson<{ data: { cost: string; calls: string }[] }>(at(), 'usage', '--key', tenant.keyId);
          return usage.data[0]?.calls === String(calls) && usage;
        });
        expect(data).toMatchObject([{ cost: String(5 * calls * OUTPUT_NANO) }]);
      }
      await balances();
    }, 120_000);

    it('of a house that is killed in mid-stream: billed for what is on record, the hold returned, the ledger balanced', async () => {
      await allow(100_000);
      upstream().always(endless(2));
      const readers = Array.from({ length: CLIENTS }, open);
      await Promise.all(readers.map((reader) => reader.characters(100)));
      await at().kill({ eventLog: true });
      await Promise.all(readers.map(({ ended }) => ended));
      await at().start();
      let cost = 0;
      for (const reader of readers) cost += await costOf(reader);
      expect(cost).toBeGreaterThan(0);
      expect(await settled()).toBe(cost);
      await balances();
    }, 240_000);

    it('is not spent by a process that was paused and wakes up', async () => {
      await allow(100_000);
      upstream().next(endless(2));
      const reader = open();
      await reader.characters(50);
      at().pause();
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      at().resume();
      await reader.ended;
      expect(reader.done).toBe(false);
      expect(await settled()).toBe(await costOf(reader));
      await balances();
    }, 240_000);

    it('is told by day, project, key and model', async () => {
      await allow(100_000);
      const reader = open();
      await reader.ended;
      const cost = await costOf(reader);
      const row = await eventually(async () => (await sluiceJson<{ data: { cost: string; calls: string; model: string }[] }>(at(), 'usage', '--key', tenant.keyId)).data[0]);
      expect(row).toMatchObject({ cost: String(cost), calls: '1', model: MODEL, key: tenant.keyId, project: tenant.projectId });
    });
  });
}
