import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { json } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { givenAway } from '@sluice/testkit';
import { ask } from './ask.ts';
import { endedCall } from './audited-call.ts';
import { admin, eventually, type House } from './house.ts';
import { medianOfFive } from './median-of-five.ts';
import { MESSAGES, MODEL, scriptedModel } from './scripted-model.ts';

interface Key {
  readonly id: string;
  readonly secret: string;
}

const REVOKED_WITHIN_MS = 1000;
/** Long enough for a busy machine to see the key alive. */
const LIFE_MS = 5000;

export function keyScenarios(at: () => House): void {
  describe('keys', () => {
    scriptedModel(at);
    const chat = (key: string | null) => ask(at(), {}, { key });
    /** The answers of all doors to one chat. */
    const chatAtEveryDoor = (key: string) => Promise.all(at().doors.map((door) => ask(at(), {}, { key, door })));

    async function create(body: object): Promise<Key> {
      const { body: projects } = await admin<{ data: { id: string }[] }>(at(), 'GET', '/projects');
      const made = await admin<Key>(at(), 'POST', '/keys', { name: 'scenario', project_id: projects.data[0]!.id, ...body });
      expect(made.status).toBe(201);
      return made.body;
    }

    it('refuses no key, a wrong key, and an admin key at the front door', async () => {
      expect(await chat(null)).toMatchObject({ status: 401, error: { code: null } });
      expect(await chat('sk-sluice-nobody')).toMatchObject({ status: 401, error: { code: 'invalid_api_key' } });
      expect(await chat(at().adminKey)).toMatchObject({ status: 401, error: { code: 'invalid_api_key' } });
    });

    it('works until its expiry and not after', async () => {
      const expiresMs = Date.now() + LIFE_MS;
      const key = await create({ expires_at: new Date(expiresMs).toISOString() });
      await eventually(async () => (await chat(key.secret)).status === 200);
      let last: Awaited<ReturnType<typeof chat>>;
      let askedMs: number;
      do {
        askedMs = Date.now();
        last = await chat(key.secret);
        // Who asks before and hears after may be told either.
        if (Date.now() < expiresMs) expect(last.status).toBe(200);
      } while (askedMs <= expiresMs);
      expect(last).toMatchObject({ status: 401, error: { code: 'expired_api_key' } });
      for (const answer of await chatAtEveryDoor(key.secret)) expect(answer).toMatchObject({ status: 401, error: { code: 'expired_api_key' } });
    });

    it('is dead at every door within one second of its revocation, the median of five, and stays so', async () => {
      const { deadMs } = await medianOfFive(async () => ({ deadMs: await msUntilDead() }));
      expect(deadMs).toBeLessThan(REVOKED_WITHIN_MS);
    }, 240_000);

    /** Revokes a new key; gives how long it took until no door let it in. */
    async function msUntilDead(): Promise<number> {
      const key = await create({});
      await eventually(async () => (await chatAtEveryDoor(key.secret)).every(({ status }) => status === 200));
      expect((await admin(at(), 'DELETE', `/keys/${key.id}`)).status).toBe(200);
      const revokedMs = performance.now();
      await Promise.all(at().doors.map((door) => eventually(async () => (await ask(at(), {}, { key: key.secret, door })).status === 401)));
      const tookMs = performance.now() - revokedMs;
      for (let again = 0; again < 3; again++) for (const answer of await chatAtEveryDoor(key.secret)) expect(answer).toMatchObject({ status: 401, error: { code: 'invalid_api_key' } });
      return tookMs;
    }

    it('starts no call whose body was on its way when the key was revoked, and that is a record', async () => {
      const key = await create({});
      const door = at().doors[0]!;
      await eventually(async () => (await chatAtEveryDoor(key.secret)).every(({ status }) => status === 200));
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${key.secret}`, expect: '100-continue' };
      const call = request(`${door}/v1/chat/completions`, { method: 'POST', headers });
      const answered = once(call, 'response') as Promise<[IncomingMessage]>;
      // The head of the call is there; another answer behind it, and its key has been looked up.
      await once(call, 'continue');
      expect((await ask(at(), {}, { key: key.secret, door })).status).toBe(200);
      expect((await admin(at(), 'DELETE', `/keys/${key.id}`)).status).toBe(200);
      await eventually(async () => {
        // A body that stands still is refused as too slow.
        call.write(' '.repeat(1024));
        return (await chatAtEveryDoor(key.secret)).every(({ status }) => status === 401);
      });
      call.end(JSON.stringify({ model: MODEL, messages: MESSAGES }));
      const [answer] = await answered;
      expect([answer.statusCode, await json(answer)]).toMatchObject([401, { error: { code: 'invalid_api_key' } }]);
      expect(await endedCall(at(), String(answer.headers['x-request-id']))).toMatchObject({ status: 'refused', error_code: 'invalid_api_key', key_id: key.id, request: null });
    });

    it('is dead for administrators too, and cannot bring itself back', async () => {
      const member = await create({ kind: 'admin', role: 'member', project_id: undefined });
      const ofMember = { adminUrl: at().adminUrl, adminKey: member.secret };
      await eventually(async () => (await admin(ofMember, 'GET', '/keys')).status === 200);
      expect((await admin(at(), 'DELETE', `/keys/${member.id}`)).status).toBe(200);
      await eventually(async () => (await admin(ofMember, 'GET', '/keys')).status === 401);
      expect((await admin(ofMember, 'POST', '/keys', { name: 'back' })).status).toBe(401);
    });

    it('is shown once: no list tells a secret, its hash, or more than its first characters', async () => {
      const key = await create({});
      const { body } = await admin<{ data: { id: string; prefix: string }[] }>(at(), 'GET', '/keys');
      const listed = body.data.find(({ id }) => id === key.id)!;
      expect(key.secret.startsWith(listed.prefix)).toBe(true);
      expect(listed.prefix.length).toBeLessThan(key.secret.length / 2);
      expect(givenAway([key.secret, at().adminKey, at().apiKey], JSON.stringify(body))).toEqual([]);
      expect(JSON.stringify(body)).not.toMatch(/hash|pepper/i);
    });

    it('may use only its models, and the refusal is a record', async () => {
      expect((await admin(at(), 'PUT', '/aliases/another', { model: MODEL })).status).toBe(200);
      const key = await create({ models: ['another'] });
      const refused = await eventually(async () => {
        const answer = await chat(key.secret);
        return answer.status !== 401 && answer;
      });
      expect(refused).toMatchObject({ status: 403, error: { code: 'model_not_allowed' } });
      expect(await endedCall(at(), refused.id)).toMatchObject({ status: 'refused', error_code: 'model_not_allowed', key_id: key.id });
      for (const door of at().doors) expect(await ask(at(), { model: 'another' }, { key: key.secret, door })).toMatchObject({ status: 200 });
      expect((await admin(at(), 'DELETE', '/aliases/another')).status).toBe(200);
      expect(await admin(at(), 'POST', '/keys', { name: 'x', models: ['another'] })).toMatchObject({ status: 404, body: { error: { code: 'model_not_found', param: 'models' } } });
    });

    it('lets an auditor read the audit, and what it names, and change nothing', async () => {
      const auditor = await create({ kind: 'admin', role: 'auditor', project_id: undefined });
      const as = (method: string, path: string, body?: object) => admin({ adminUrl: at().adminUrl, adminKey: auditor.secret }, method, path, body);
      await eventually(async () => (await as('GET', '/audit/calls')).status === 200);
      for (const named of ['/models', '/keys', '/projects', '/backends']) expect((await as('GET', named)).status).toBe(200);
      expect((await as('POST', '/keys', { name: 'x' })).status).toBe(403);
      expect((await as('DELETE', `/models/${MODEL}`)).status).toBe(403);
    });
  });
}
