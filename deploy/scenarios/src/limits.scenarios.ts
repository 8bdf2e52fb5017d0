import { beforeEach, describe, expect, it } from '@jest/globals';
import { streamedChat } from '@sluice/testkit';
import { ask } from './ask.ts';
import { endedCall } from './audited-call.ts';
import { eventually, type House } from './house.ts';
import { MESSAGES, MODEL, scriptedModel } from './scripted-model.ts';
import { StreamReader } from './stream-reader.ts';
import { makeTenant, sluiceJson, type Tenant } from './tenant.ts';

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

    /** Another number that nothing comes near shows when the limits of this tenant are known at the door. */
    const known = async (...options: string[]): Promise<void> => {
      await sluiceJson(at(), 'limit', 'set', '--key', tenant.keyId, ...options);
      await eventually(async () => (await ask(at(), {}, { key: tenant.key })).headers.get('x-ratelimit-limit-requests') !== null);
    };

    it(`hold at full speed from ${CONNECTIONS} connections: never one over, and the headers are right`, async () => {
      await known('--rpm', '100000');
      await sluiceJson(at(), 'limit', 'set', '--project', tenant.projectId, '--rpm', String(LIMIT));
      await eventually(async () => (await ask(at(), {}, { key: tenant.key })).headers.get('x-ratelimit-limit-requests') === String(LIMIT));
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
        expect(Number(headers.get('x-ratelimit-remaining-requests'))).toBeLessThan(LIMIT);
        expect(headers.get('x-ratelimit-reset-requests')).toMatch(DURATION);
      }
      for (const { error, headers } of refused) {
        expect(error).toMatchObject({ code: 'rate_limit_exceeded' });
        expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
      }
      expect(await endedCall(at(), refused[0]!.id)).toMatchObject({ status: 'refused', http_status: 429, error_code: 'rate_limit_exceeded', refused: { by: { type: 'limit', level: 'project', subject_id: tenant.projectId, kind: 'requests_per_minute', limit: LIMIT } } });
    }, 120_000);

    it('let in as many at once as they say, and the next one when one of them has ended', async () => {
      const go = Promise.withResolvers<void>();
      upstream().always({ ...streamedChat(), before: go.promise });
      await sluiceJson(at(), 'limit', 'set', '--key', tenant.keyId, '--concurrent', '3');
      const readers: StreamReader[] = [];
      await eventually(async () => {
        const probe = new StreamReader(at(), { model: MODEL, messages: MESSAGES }, tenant.key);
        readers.push(probe);
        await Promise.race([probe.ended, new Promise((resolve) => setTimeout(resolve, 100))]);
        return probe.status === 429;
      });
      // Whoever came before the limit was known is in too; all that came behind it found it full.
      const inside = readers.filter(({ status }) => status !== 429);
      expect(inside.length).toBeGreaterThanOrEqual(3);
      go.resolve();
      await Promise.all(readers.map(({ ended }) => ended));
      upstream().heal();
      expect((await Promise.all(Array.from({ length: 3 }, () => ask(at(), {}, { key: tenant.key })))).map(({ status }) => status)).toEqual([200, 200, 200]);
    });

    it('bound parameters by project: clipped where that was said, refused with the name where that was said, filled in where none is given', async () => {
      await sluiceJson(at(), 'parameter', 'set', 'temperature', '--project', tenant.projectId, '--max', '1', '--on-violation', 'refuse');
      await sluiceJson(at(), 'parameter', 'set', 'max_tokens', '--project', tenant.projectId, '--max', '50', '--default', '20', '--on-violation', 'clip');
      const refused = await eventually(async () => {
        const answer = await ask(at(), { temperature: 1.5, stream: true }, { key: tenant.key });
        return answer.status === 400 && answer;
      });
      expect(refused.error).toMatchObject({ param: 'temperature', code: 'invalid_value' });
      const sent = async (request: object): Promise<Record<string, unknown>> => {
        const before = upstream().requests.length;
        expect(await ask(at(), { stream: true, ...request }, { key: tenant.key })).toMatchObject({ status: 200 });
        return (await upstream().received(before)).json() as Record<string, unknown>;
      };
      await eventually(async () => (await sent({ max_tokens: 500 }))['max_tokens'] === 50);
      expect(await sent({ temperature: 0.5 })).toMatchObject({ temperature: 0.5, max_tokens: 20 });
    });
  });
}
