import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { create, toBinary } from '@bufbuild/protobuf';
import { Role } from '@sluice/proto/access/v1/access';
import { ChatCallSchema } from '@sluice/proto/chat/v1/chat';
import { OutputBodySchema } from '@sluice/proto/events/v1/calls';
import { delta, finished, TestHouse } from '../testing/house.ts';

const house = new TestHouse();
const keys = { owner: house.addKey(Role.OWNER), member: house.addKey(Role.MEMBER), auditor: house.addKey(Role.AUDITOR), inference: house.addKey('inference') };

beforeAll(() => house.start());
afterAll(() => house.stop());

const base64 = (bytes: string | Uint8Array): string => Buffer.from(bytes as string).toString('base64');

async function ask(who: keyof typeof keys, method: string, path: string, body?: unknown): Promise<{ status: number; json: Record<string, unknown>; text: string }> {
  const response = await fetch(`${house.adminUrl}/admin/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${keys[who]}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, text, json: response.headers.get('content-type')!.startsWith('application/json') ? (JSON.parse(text) as Record<string, unknown>) : {} };
}

describe('who may administer', () => {
  it('is nobody with an inference key', async () => {
    expect((await ask('inference', 'GET', '/whoami')).status).toBe(401);
  });

  it.each([
    ['GET', '/whoami', [200, 200, 200]],
    ['GET', '/projects', [200, 200, 200]],
    ['POST', '/projects', [400, 403, 403]],
    ['GET', '/keys', [200, 200, 200]],
    ['POST', '/keys', [400, 400, 403]],
    ['GET', '/models', [200, 200, 200]],
    ['POST', '/models', [400, 400, 403]],
    ['DELETE', '/models/org/small', [200, 200, 403]],
    ['PUT', '/aliases/chat', [400, 400, 403]],
    ['DELETE', '/aliases/chat', [200, 200, 403]],
    ['GET', '/backends', [200, 200, 200]],
    ['GET', '/audit/calls', [200, 200, 200]],
    ['GET', '/audit/calls/abc', [200, 403, 200]],
    ['GET', '/audit/calls/abc/proof', [200, 200, 200]],
    ['GET', '/audit/acts', [200, 403, 200]],
    ['GET', '/audit/log/checkpoint', [200, 200, 200]],
    ['GET', '/audit/log/key', [200, 200, 200]],
    ['GET', '/audit/log/tile/0/000', [200, 200, 200]],
    ['POST', '/backups', [400, 403, 403]],
  ] as const)('%s %s depends on the role', async (method, path, expected) => {
    const statuses = [];
    for (const who of ['owner', 'member', 'auditor'] as const) statuses.push((await ask(who, method, path, method === 'POST' || method === 'PUT' ? {} : undefined)).status);
    expect(statuses).toEqual(expected);
  });

  it('does not let a member touch admin keys', async () => {
    expect((await ask('member', 'POST', '/keys', { name: 'x', kind: 'admin', role: 'owner' })).status).toBe(403);
    expect((await ask('member', 'DELETE', '/keys/key_0')).status).toBe(403);
    expect((await ask('member', 'DELETE', '/keys/key_3')).status).toBe(200);
    expect((await ask('owner', 'DELETE', '/keys/key_0')).status).toBe(200);
  });
});

describe('the character U+0000, which no table can hold', () => {
  it.each([
    ['DELETE', '/filter/rules/%00', undefined, 'path'],
    ['DELETE', '/keys/key%00', undefined, 'path'],
    ['GET', '/audit/log/tile/0/%00', undefined, 'path'],
    ['GET', '/audit/calls?model=a%00b', undefined, 'model'],
    ['GET', '/whoami?project_id=%00', undefined, 'project_id'],
    ['POST', '/projects', { name: 'a\0' }, 'name'],
    ['POST', '/filter/rules', { patterns: ['fine', 'not\0fine'] }, 'patterns.1'],
    ['POST', '/filter/try', { text: '\0' }, 'text'],
    ['POST', '/models', { name: 'a', openai: { base_url: 'http://127.0.0.1:1/v1', credential: '\0' } }, 'openai.credential'],
    ['PUT', '/budgets', { level: 'key', id: '\0', amount: '1', period: 'day' }, 'id'],
    ['POST', '/backups', { directory: '/tmp/\0' }, 'directory'],
    ['POST', '/projects', { name: 'a', ['x\0']: '\0' }, 'x?'],
  ])('is refused by name: %s %s %p', async (method, path, body, param) => {
    const { status, json } = await ask('owner', method, path, body);
    expect([status, json['error']]).toMatchObject([400, { code: 'invalid_value', param }]);
  });
});

describe('what an operator does', () => {
  it('makes a key, whose secret is shown this once', async () => {
    const { status, json } = await ask('owner', 'POST', '/keys', { name: 'app', models: ['chat'], expires_at: '2030-01-01T00:00:00.000Z' });
    expect(status).toBe(201);
    expect(json).toMatchObject({ object: 'key', kind: 'inference', project_id: 'project_1', models: ['chat'], expires_at: '2030-01-01T00:00:00.000Z', revoked_at: null, secret: 'sk-sluice-new' });
  });

  it('makes no key for a model that there is not, and names those that there are', async () => {
    const { status, json } = await ask('member', 'POST', '/keys', { name: 'app', models: ['org/small', 'nosuch'] });
    expect(status).toBe(404);
    expect(json['error']).toMatchObject({ code: 'model_not_found', param: 'models', message: 'No model or alias has the name nosuch. Known names: chat, org/small. A model must be there before a key for it.' });
  });

  it('revokes a key, and says when that had been done before', async () => {
    const first = { id: 'key_1', revoked_at: '2023-11-14T22:13:20.000Z' };
    expect((await ask('owner', 'DELETE', '/keys/key_1')).json).toMatchObject({ ...first, was_revoked: false });
    expect((await ask('owner', 'DELETE', '/keys/key_1')).json).toMatchObject({ ...first, was_revoked: true });
  });

  it('adds models of every kind', async () => {
    expect((await ask('member', 'POST', '/models', { name: 'a', openai: { base_url: 'http://127.0.0.1:1/v1', external: true } })).json).toMatchObject({ object: 'model', name: 'a' });
    expect((await ask('member', 'POST', '/models', { name: 'b', gguf: { path: '/m.gguf', digest: `sha256:${'0'.repeat(64)}` } })).status).toBe(201);
    expect((await ask('member', 'POST', '/models', { name: 'c', kserve: { address: 'triton-1:8001', upstream_model: 'm', managed: true } })).status).toBe(201);
    expect((await ask('member', 'PUT', '/aliases/org%2Fchat', { model: 'org/small' })).json).toEqual({ object: 'alias', name: 'org/chat', model: 'org/small', model_id: 'model_1' });
  });

  it('removes a model, and hears which aliases went with it', async () => {
    expect((await ask('member', 'DELETE', '/models/org/small')).json).toEqual({ object: 'model', name: 'org/small', deleted: true, aliases: ['chat'] });
  });

  it('sees models with versions, deployments and aliases, and backends', async () => {
    expect((await ask('owner', 'GET', '/models')).json).toMatchObject({ object: 'list', has_more: false, data: [{ name: 'org/small', aliases: ['chat'], versions: [{ number: 1 }], deployments: [{ state: 'active', placement: 'inside' }] }], aliases: [{ name: 'chat', model: 'org/small' }] });
    expect((await ask('owner', 'GET', '/backends')).json).toMatchObject({ data: [{ deployment_id: 'deployment_1', healthy: true, breaker: 'closed', in_flight: 2 }] });
  });

  it('makes a backup', async () => {
    expect((await ask('owner', 'POST', '/backups', { directory: '/backup/today' })).status).toBe(201);
    expect(house.backups).toEqual(['/backup/today']);
  });

  it('gives a backup up when the one who asked goes away', async () => {
    const client = new AbortController();
    const given = new Promise<unknown>((gaveUp) => {
      house.makeBackup = async (_directory, signal) => {
        signal.addEventListener('abort', () => gaveUp(signal.reason));
        client.abort();
        await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
      };
    });
    const headers = { authorization: `Bearer ${keys.owner}`, 'content-type': 'application/json' };
    await expect(fetch(`${house.adminUrl}/admin/v1/backups`, { method: 'POST', headers, body: '{"directory":"/backup/x"}', signal: client.signal })).rejects.toThrow('aborted');
    expect(await given).toMatchObject({ code: 'cancelled' });
  });

  it.each([[undefined, 'sent'], ['sent', 'sent'], ['original_and_sent', 'original_and_sent'], ['digest', 'digest']])('makes a project whose records keep of bodies what was asked for: %s', async (asked, kept) => {
    expect(await ask('owner', 'POST', '/projects', { name: 'x', ...(asked && { body_policy: asked }) })).toMatchObject({ status: 201, json: { object: 'project', name: 'x', body_policy: kept } });
  });

  it.each([
    ['/keys', {}, 'missing_required_parameter', 'name'],
    ['/keys', { name: 7 }, 'invalid_type', 'name'],
    ['/keys', { name: 'x', kind: 'other' }, 'invalid_value', 'kind'],
    ['/keys', { name: 'x', other: 1 }, 'unknown_parameter', 'other'],
    ['/keys', { name: 'x', expires_at: 'tomorrow' }, 'invalid_value', 'expires_at'],
    ['/keys', { name: 'x', kind: 'admin' }, 'missing_required_parameter', 'role'],
    ['/models', { name: 'x' }, 'invalid_value', 'openai'],
    ['/models', { name: 'x', gguf: { path: '/a', digest: 'no' } }, 'invalid_value', 'gguf.digest'],
    ['/models', { name: 'x', openai: {} }, 'missing_required_parameter', 'openai.base_url'],
    ['/models', { name: 'x', kserve: {} }, 'missing_required_parameter', 'kserve.address'],
    ['/models', { name: 'x', kserve: { address: 'a:1', credential: 'k' } }, 'unknown_parameter', 'kserve.credential'],
    ['/models', { name: 'x', kserve: { address: 'a:1' }, openai: { base_url: 'http://a/v1' } }, 'invalid_value', 'kserve'],
    ['/projects', { name: 'x', body_policy: 'original' }, 'invalid_value', 'body_policy'],
    ['/backups', { directory: 'relative' }, 'invalid_value', 'directory'],
  ])('names what is wrong: POST %s %j', async (path, body, code, param) => {
    const { status, json } = await ask('owner', 'POST', path, body);
    expect(status).toBe(400);
    expect(json['error']).toMatchObject({ code, param });
  });
});

describe('the audit', () => {
  it('lists calls with the filters given', async () => {
    expect((await ask('auditor', 'GET', '/audit/calls?limit=5')).json).toMatchObject({ object: 'list', has_more: true, data: [{ object: 'call', status: 'answered', duration_ms: 5, leaf_index: 7, admitted_at: '2023-11-14T22:13:20.000Z', usage: null }] });
    expect((await ask('auditor', 'GET', '/audit/calls?limit=1000')).json['error']).toMatchObject({ param: 'limit' });
    expect((await ask('auditor', 'GET', '/audit/calls?statsu=x')).json['error']).toMatchObject({ code: 'unknown_parameter', param: 'statsu' });
  });

  it('answers a mistyped id with what is wrong with it, never with nothing', async () => {
    expect(await ask('auditor', 'GET', '/audit/calls?project_id=nosuch')).toMatchObject({ status: 404, json: { error: { code: 'not_found', param: 'project_id' } } });
    expect(await ask('member', 'GET', '/audit/calls?key_id=nosuch')).toMatchObject({ status: 404, json: { error: { code: 'not_found', param: 'key_id' } } });
    // A revoked key has a history.
    expect((await ask('auditor', 'GET', '/audit/calls?project_id=project_1&key_id=key_1')).status).toBe(200);
  });

  it.each(['d'.repeat(32), `chatcmpl-${'d'.repeat(32)}`])('shows the call %s readable', async (id) => {
    expect((await ask('auditor', 'GET', `/audit/calls/${id}`)).json).toMatchObject({
      id: 'd'.repeat(32),
      bodies: 'kept',
      bodies_available: true,
      request: { model: 'chat', n: 1, messages: [{ role: 'user', content: 'hi' }], seed: 7 },
      choices: [{ index: 0, content: 'Hello', finish_reason: 'stop', refusal: null }],
      events: [{ type: 'delta', text: 'Hel' }, { type: 'delta', text: 'lo' }, { type: 'finished' }],
      error: { message: 'Broke.', type: 't', param: null, code: 'c' },
      error_message: 'Broke.',
      segments: [{ producer: 'p', epoch: 1, seq: 2 }, { producer: 'p', epoch: 1, seq: 3 }, { producer: 'p', epoch: 1, seq: 4 }],
    });
  });

  it('hands out acts, proofs, the checkpoint, the key and tiles', async () => {
    expect((await ask('auditor', 'GET', '/audit/acts')).json).toMatchObject({ data: [{ action: 'key.created', detail: { name: 'x' }, leaf_index: 3 }] });
    const proof = { object: 'audit.proof', call_id: 'x', bundle: 'proof', entry: base64('entry') };
    expect((await ask('member', 'GET', '/audit/calls/x/proof')).json).toEqual(proof);
    expect((await ask('auditor', 'GET', '/audit/calls/x/proof')).json).toEqual({
      ...proof,
      openings: [{ name: 'model', salt: base64('salt'), value: base64('chat') }],
      error: { salt: base64('sea'), value: base64('{"error":{"message":"Broke.","type":"t","param":null,"code":"c"}}') },
      prompt: { salt: base64('pepper'), value: base64(toBinary(ChatCallSchema, create(ChatCallSchema, { model: 'chat', choices: 1, messages: Buffer.from('[{"role":"user","content":"hi"}]'), fields: [{ name: 'seed', json: Buffer.from('7') }] }))) },
      output: { start: base64('start'), released: [base64(toBinary(OutputBodySchema, create(OutputBodySchema, { events: [delta('Hel'), delta('lo'), finished()] })))] },
    });
    expect((await ask('auditor', 'GET', '/audit/log/checkpoint')).text).toBe('log\n5\nroot\n');
    expect((await ask('auditor', 'GET', '/audit/log/key')).text).toBe('log+1+key\n');
    expect((await ask('auditor', 'GET', '/audit/log/tile/entries/000.p/17')).text).toBe('tile/entries/000.p/17');
  });
});
