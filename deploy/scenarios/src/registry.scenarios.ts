import { describe, expect, it } from '@jest/globals';
import { ScriptedUpstream, givenAway, streamedChat } from '@sluice/testkit';
import { ask, type Answer } from './ask.ts';
import { admin, eventually, type House } from './house.ts';
import { medianOfFive } from './median-of-five.ts';
import { MESSAGES, MODEL, addModel, removeModel } from './scripted-model.ts';
import { StreamReader } from './stream-reader.ts';

const CALLERS = 8;
const CHANGES = 10;
const OTHER = 'scripted-other';
const LIVE_WITHIN_MS = 1000;
/** An alias that always means one of the two models. */
const STEADY = 'steady';

/** Calls one name again and again until told to stop; answers how the calls went that did not go well, and how many there were. */
async function keepCalling(house: House, model: string, goesOn: () => boolean): Promise<{ calls: number; failures: string[] }> {
  const failures: string[] = [];
  let calls = 0;
  for (; goesOn(); calls++) {
    const reader = new StreamReader(house, { model, messages: MESSAGES });
    await reader.ended;
    if (!reader.done) failures.push(`${model}: ${reader.status} ${JSON.stringify(reader.error)}`);
  }
  return { calls, failures };
}

export function registryScenarios(at: () => House): void {
  describe('the registry', () => {
    it('changes under load, and no call fails because of it: deployments come, aliases turn, credentials are given', async () => {
      await using first = await ScriptedUpstream.start();
      await using second = await ScriptedUpstream.start();
      for (const upstream of [first, second]) upstream.always(streamedChat({ gapMs: 2 }));
      await addModel(at(), first);
      await addModel(at(), first, OTHER);
      await admin(at(), 'PUT', `/aliases/${STEADY}`, { model: MODEL });
      await eventually(async () => (await ask(at(), { model: STEADY, stream: true })).status === 200);
      let changing = true;
      const callers = Array.from({ length: CALLERS }, (_, caller) => keepCalling(at(), caller % 2 ? STEADY : MODEL, () => changing));
      const credentials: string[] = [];
      for (let change = 0; change < CHANGES; change++) {
        const credential = `planted-credential-${change}`;
        credentials.push(credential);
        // The second upstream comes with the first change; from then on the same deployments get other credentials.
        expect(await admin(at(), 'POST', '/models', { name: MODEL, openai: { base_url: (change % 2 ? first : second).baseUrl, upstream_model: 'scripted', credential } })).toMatchObject({ status: 201 });
        for (const [alias, model] of [['turning', MODEL], [STEADY, change % 2 ? MODEL : OTHER]] as const) expect(await admin(at(), 'PUT', `/aliases/${alias}`, { model })).toMatchObject({ status: 200 });
        expect(await admin(at(), 'DELETE', '/aliases/turning')).toMatchObject({ status: 200 });
      }
      changing = false;
      const outcomes = await Promise.all(callers);
      expect(outcomes.flatMap(({ failures }) => failures)).toEqual([]);
      for (const { calls } of outcomes) expect(calls).toBeGreaterThan(0);
      // What was given last is what both are asked with.
      const [ofSecond, ofFirst] = credentials.slice(-2);
      await eventually(async () => {
        // Several at once: a single call may always find the same backend idle.
        await Promise.all(Array.from({ length: CALLERS }, () => ask(at(), { stream: true })));
        return askedWith(first, ofFirst!) && askedWith(second, ofSecond!);
      });
      for (const path of ['/models', '/backends', '/audit/acts']) expect(givenAway(credentials, JSON.stringify((await admin(at(), 'GET', path)).body))).toEqual([]);
      for (const model of [MODEL, OTHER]) await removeModel(at(), model);
    }, 240_000);

    it.each([['a model', undefined], ['a model whose backend wants a credential', 'planted-live']])('brings %s to every door within one second, and takes it away within one second: so the median of five', async (_, credential) => {
      await using upstream = await ScriptedUpstream.start();
      const medianMs = await medianOfFive(async () => {
        const comesMs = await msUntil(deploy(upstream, credential), ({ status }) => status === 200);
        const goesMs = await msUntil(admin(at(), 'DELETE', `/models/${MODEL}`), ({ status }) => status === 404);
        for (const door of at().doors) expect(await ask(at(), {}, { door })).toMatchObject({ status: 404, error: { code: 'model_not_found' } });
        return { comesMs, goesMs };
      });
      for (const ms of Object.values(medianMs)) expect(ms).toBeLessThan(LIVE_WITHIN_MS);
      expect(new Set(upstream.requests.map(({ headers }) => headers['authorization']))).toEqual(new Set([credential && `Bearer ${credential}`]));
    }, 240_000);

    it('sends calls to a further backend, and with another credential, from every door within one second: so the median of five', async () => {
      await using first = await ScriptedUpstream.start();
      const medianMs = await medianOfFive(async () => {
        await using further = await ScriptedUpstream.start();
        await addModel(at(), first);
        const wasAskedWith = (credential: string) => ({ id }: Answer) => further.requests.some(({ headers }) => headers['x-request-id'] === id && headers['authorization'] === `Bearer ${credential}`);
        const comesMs = await msUntil(deploy(further, 'planted-before'), wasAskedWith('planted-before'));
        const turnsMs = await msUntil(deploy(further, 'planted-after'), wasAskedWith('planted-after'));
        await removeModel(at());
        return { comesMs, turnsMs };
      });
      for (const ms of Object.values(medianMs)) expect(ms).toBeLessThan(LIVE_WITHIN_MS);
    }, 240_000);

    function deploy(upstream: ScriptedUpstream, credential?: string): Promise<{ status: number }> {
      return admin(at(), 'POST', '/models', { name: MODEL, openai: { base_url: upstream.baseUrl, upstream_model: 'scripted', ...(credential && { credential }) } });
    }

    /** From the acknowledgement of a change until every door has given an answer that shows it. */
    async function msUntil(change: Promise<{ status: number }>, shows: (answer: Answer) => boolean): Promise<number> {
      expect([200, 201]).toContain((await change).status);
      const acknowledgedMs = performance.now();
      await Promise.all(at().doors.map((door) => eventually(async () => shows(await ask(at(), {}, { door })))));
      return performance.now() - acknowledgedMs;
    }

    it('never lets a name lead to another name, or in a circle', async () => {
      await using upstream = await ScriptedUpstream.start();
      await addModel(at(), upstream);
      expect(await admin(at(), 'PUT', '/aliases/one', { model: MODEL })).toMatchObject({ status: 200 });
      for (const [alias, model] of [['two', 'one'], ['one', 'one'], [MODEL, 'one'], [MODEL, MODEL]] as const) {
        const { status, body } = await admin<{ error: { param: string | null } }>(at(), 'PUT', `/aliases/${alias}`, { model });
        expect({ alias, model, refused: status >= 400 && status < 500, named: body.error.param !== null }).toEqual({ alias, model, refused: true, named: true });
      }
      expect(await admin(at(), 'POST', '/models', { name: 'one', openai: { base_url: upstream.baseUrl } })).toMatchObject({ status: 409 });
      await eventually(async () => (await ask(at(), { model: 'one' })).status === 200);
      await removeModel(at());
      await eventually(async () => (await ask(at(), { model: 'one' })).status === 404);
    });
  });
}

function askedWith(upstream: ScriptedUpstream, credential: string): boolean {
  return upstream.requests.at(-1)?.headers['authorization'] === `Bearer ${credential}`;
}
