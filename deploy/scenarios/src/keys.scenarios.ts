import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ScriptedUpstream } from '@sluice/testkit';
import { MESSAGES, MODEL, addModel } from './chat.scenarios.ts';
import { endedCall } from './audited-call.ts';
import { admin, eventually, type House } from './house.ts';

interface Key {
  readonly id: string;
  readonly secret: string;
}

const REVOKED_WITHIN_MS = 1000;

export function keyScenarios(at: () => House): void {
  describe('keys', () => {
    let upstream: ScriptedUpstream;

    beforeAll(async () => {
      upstream = await ScriptedUpstream.start();
      await addModel(at(), upstream);
    });

    afterAll(async () => {
      await admin(at(), 'DELETE', `/models/${MODEL}`);
      await upstream[Symbol.asyncDispose]();
    });

    async function chat(secret: string | undefined): Promise<{ status: number; code: string | null; id: string }> {
      const answer = await fetch(`${at().url}/v1/chat/completions`, {
        method: 'POST', headers: { 'content-type': 'application/json', ...(secret ? { authorization: `Bearer ${secret}` } : {}) },
        body: JSON.stringify({ model: MODEL, messages: MESSAGES }),
      });
      const body = (await answer.json()) as { error?: { code: string | null } };
      return { status: answer.status, code: body.error?.code ?? null, id: answer.headers.get('x-request-id')! };
    }

    async function create(body: object): Promise<Key> {
      const { body: projects } = await admin<{ data: { id: string }[] }>(at(), 'GET', '/projects');
      const made = await admin<Key>(at(), 'POST', '/keys', { name: 'scenario', project_id: projects.data[0]!.id, ...body });
      expect(made.status).toBe(201);
      return made.body;
    }

    it('refuses no key, a wrong key, and an admin key at the front door', async () => {
      expect(await chat(undefined)).toMatchObject({ status: 401, code: null });
      expect(await chat('sk-sluice-nobody')).toMatchObject({ status: 401, code: 'invalid_api_key' });
      expect(await chat(at().adminKey)).toMatchObject({ status: 401, code: 'invalid_api_key' });
    });

    it('works until its expiry and not after', async () => {
      const key = await create({ expires_at: new Date(Date.now() + 2000).toISOString() });
      await eventually(async () => (await chat(key.secret)).status === 200);
      expect(await eventually(async () => {
        const answer = await chat(key.secret);
        return answer.status !== 200 && answer;
      })).toMatchObject({ status: 401, code: 'expired_api_key' });
    });

    it('is dead within one second of its revocation', async () => {
      const key = await create({});
      await eventually(async () => (await chat(key.secret)).status === 200);
      expect((await admin(at(), 'DELETE', `/keys/${key.id}`)).status).toBe(200);
      const revokedMs = performance.now();
      await eventually(async () => (await chat(key.secret)).status === 401);
      expect(performance.now() - revokedMs).toBeLessThan(REVOKED_WITHIN_MS);
    });

    it('may use only its models, and the refusal is a record', async () => {
      expect((await admin(at(), 'PUT', '/aliases/another', { model: MODEL })).status).toBe(200);
      const key = await create({ models: ['another'] });
      const refused = await eventually(async () => {
        const answer = await chat(key.secret);
        return answer.status !== 401 && answer;
      });
      expect(refused).toMatchObject({ status: 403, code: 'model_not_allowed' });
      expect(await endedCall(at(), refused.id)).toMatchObject({ status: 'refused', error_code: 'model_not_allowed', key_id: key.id });
      expect((await admin(at(), 'DELETE', '/aliases/another')).status).toBe(200);
      expect(await admin(at(), 'POST', '/keys', { name: 'x', models: ['another'] })).toMatchObject({ status: 404, json: { error: { code: 'model_not_found', param: 'models' } } });
    });

    it('lets an auditor read the audit, and what it names, and change nothing', async () => {
      const auditor = await create({ kind: 'admin', role: 'auditor', project_id: undefined });
      const as = (method: string, path: string, body?: object) => fetch(`${at().adminUrl}/admin/v1${path}`, { method, headers: { authorization: `Bearer ${auditor.secret}`, 'content-type': 'application/json' }, ...(body ? { body: JSON.stringify(body) } : {}) });
      await eventually(async () => (await as('GET', '/audit/calls')).status === 200);
      for (const named of ['/models', '/keys', '/projects', '/backends']) expect((await as('GET', named)).status).toBe(200);
      expect((await as('POST', '/keys', { name: 'x' })).status).toBe(403);
      expect((await as('DELETE', `/models/${MODEL}`)).status).toBe(403);
    });
  });
}
