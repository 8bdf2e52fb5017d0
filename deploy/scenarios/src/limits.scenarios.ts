import { beforeEach, describe, expect, it } from '@jest/globals';
import { streamedChat } from '@sluice/testkit';
import { ask } from './ask.ts';
import { endedCall } from './audited-call.ts';
import { eventually, type House } from './house.ts';
import { MESSAGES, MODEL, scriptedModel } from './scripted-model.ts';
import { StreamReader } from './stream-reader.ts';
import { becomesSo, limitKey, makeTenant, sluiceJson, type Tenant } from './tenant.ts';

const CONNECTIONS = 64;
const CALLS_EACH = 5;
const LIMIT = 40;
/** OpenAI's durations, as `1s`, `6m0s` or `17ms`. */
const DURATION = /^(?=\d)(\d+h)?(\d+m)?(\d+(\.\d+)?s)?(\d+ms)?$/;

export function limitScenarios(at: () => House): void {
  describe('limits', () => {
    const upstream = scriptedModel(at);
    let tenant: Tenant;
    beforeEach(async () => {
      tenant = await makeTenant(at(), 'limits');
    });

    const limit = (plenty: number, ...options: string[]): Promise<void> => limitKey(at(), tenant, {}, plenty, ...options);

    it(`hold at full speed from ${CONNECTIONS} connections: never one over, and the headers are right`, async () => {
      await limit(100_000);
      await sluiceJson(at(), 'limit', 'set', '--project', tenant.projectId, '--rpm', String(LIMIT));
      await becomesSo(at(), tenant, {}, ({ headers }) => headers.get('x-ratelimit-limit-requests') === String(LIMIT));
      const startedMs = performance.now();
      const answers = (await Promise.all(Array.from({ length: CONNECTIONS }, async () => {
        const mine = [];
        for (let call = 0; call < CALLS_EACH; call++) mine.push(await ask(at(), {}, { key: tenant.key }));
        return mine;
      }))).flat();
      const took = performance.now() - startedMs;
      const passed = answers.filter(({ status }) => status === 200);
      const refused = answers.filter(({ status }) => status === 429);
      expect(passed.length + refused.length).toBe(CONNECTIONS * CALLS_EACH);
      // What went before the burst counts too; a run that lasts longer than the window may see room again.
      expect(passed.length).toBeLessThanOrEqual(LIMIT * Math.ceil((took + 1) / 60_000));
      expect(passed.length).toBeGreaterThan(0);
      for (const { headers } of answers) {
        expect(headers.get('x-ratelimit-limit-requests')).toBe(String(LIMIT));
        expect(headers.get('x-ratelimit-reset-requests')).toMatch(DURATION);
      }
      // Each that was let in was told another number of what is left, down to nothing; who was refused, that there is nothing.
      const remaining = passed.map(({ headers }) => Number(headers.get('x-ratelimit-remaining-requests')));
      expect(new Set(remaining).size).toBe(passed.length);
      expect(Math.min(...remaining)).toBe(0);
      for (const { headers } of refused) expect(headers.get('x-ratelimit-remaining-requests')).toBe('0');
      for (const { error, headers } of refused) {
        expect(error).toMatchObject({ code: 'rate_limit_exceeded' });
        expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
      }
      expect(await endedCall(at(), refused[0]!.id)).toMatchObject({ status: 'refused', http_status: 429, error_code: 'rate_limit_exceeded', refused: { by: { type: 'limit', level: 'project', subject_id: tenant.projectId, kind: 'requests_per_minute', limit: LIMIT } } });
    }, 120_000);

    it('let in as many at once as they say, not one more, and the next one when one of them has ended', async () => {
      await limit(100_000, '--concurrent', '3');
      const go = Promise.withResolvers<void>();
      upstream().always({ ...streamedChat(), before: go.promise });
      const before = upstream().requests.length;
      const readers = Array.from({ length: 10 }, () => new StreamReader(at(), { model: MODEL, messages: MESSAGES }, tenant.key));
      await eventually(async () => readers.filter(({ status }) => status === 429).length === 7);
      await upstream().received(before + 2);
      expect(upstream().requests.length).toBe(before + 3);
      go.resolve();
      await Promise.all(readers.map(({ ended }) => ended));
      expect(readers.filter(({ done }) => done).length).toBe(3);
      upstream().heal();
      expect((await Promise.all(Array.from({ length: 3 }, () => ask(at(), {}, { key: tenant.key })))).map(({ status }) => status)).toEqual([200, 200, 200]);
    });

    it('charge tokens by what a call may take, and give back what it did not; a request that no minute has room for is told so', async () => {
      await limit(100_000, '--tpm', '2000');
      // What the calls before took for their length comes back a moment after their answers: nothing of that may make room later.
      await eventually(async () => Number((await ask(at(), { max_tokens: 10 }, { key: tenant.key })).headers.get('x-ratelimit-remaining-tokens')) >= 1_800);
      const go = Promise.withResolvers<void>();
      upstream().next({ ...streamedChat(), before: go.promise });
      const sent = upstream().requests.length;
      const large = new StreamReader(at(), { model: MODEL, messages: MESSAGES, max_tokens: 1_700 }, tenant.key);
      await upstream().received(sent);
      const refused = await ask(at(), { max_tokens: 500 }, { key: tenant.key });
      expect(refused).toMatchObject({ status: 429, error: { code: 'rate_limit_exceeded' } });
      expect(await endedCall(at(), refused.id)).toMatchObject({ refused: { by: { kind: 'tokens_per_minute', limit: 2000 } } });
      go.resolve();
      await large.ended;
      await eventually(async () => (await ask(at(), { max_tokens: 500 }, { key: tenant.key })).status === 200);
      const never = await ask(at(), { max_tokens: 5000 }, { key: tenant.key });
      expect({ status: never.status, retryAfter: never.headers.get('retry-after') }).toEqual({ status: 429, retryAfter: null });
      expect(never.error.message).toContain('2000');
    });

    it('bound parameters by project: clipped where that was said, refused with the name where that was said, filled in where none is given', async () => {
      await sluiceJson(at(), 'parameter', 'set', 'temperature', '--project', tenant.projectId, '--max', '1', '--on-violation', 'refuse');
      await sluiceJson(at(), 'parameter', 'set', 'max_tokens', '--project', tenant.projectId, '--max', '50', '--default', '20', '--on-violation', 'clip');
      const refused = await becomesSo(at(), tenant, { temperature: 1.5, stream: true }, ({ status }) => status === 400);
      expect(refused.error).toMatchObject({ param: 'temperature', code: 'invalid_value' });
      const sent = async (request: object): Promise<Record<string, unknown>> => {
        const before = upstream().requests.length;
        expect(await ask(at(), { stream: true, ...request }, { key: tenant.key })).toMatchObject({ status: 200 });
        return (await upstream().received(before)).json() as Record<string, unknown>;
      };
      await eventually(async () => (await sent({ max_tokens: 500 }))['max_tokens'] === 50);
      expect(await sent({ temperature: 0.5 })).toMatchObject({ temperature: 0.5, max_tokens: 20 });
      // What was asked for is on record too, with the rule that changed it, and the leaf commits to both.
      const clipped = await ask(at(), { max_tokens: 500 }, { key: tenant.key });
      expect(await endedCall(at(), clipped.id)).toMatchObject({ governed: { parameters: [{ name: 'max_tokens', asked: 500, sent: 50 }] } });
      expect((await at().command('audit', 'show', clipped.id)).stdout).toMatch(/^parameter max_tokens 500, sent as 50 by prule_\w+$/m);
      await eventually(async () => (await at().command('audit', 'verify', clipped.id, '--json')).code === 0);
    });
  });
}
