import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ApiServer } from '../testing/api-server.ts';
import { CLI_WORDS, cleanEnvironment, runCli, type CliResult } from '../testing/run-cli.ts';

const KEY = {
  object: 'key', id: 'key_1', name: 'app', kind: 'inference', role: null, project_id: 'proj_1', prefix: 'sk-sluice-abc', models: [],
  created_at: '2026-11-22T10:00:00.000Z', expires_at: null, revoked_at: null,
};
const PROJECT = { object: 'project', id: 'proj_1', name: 'default', body_policy: 'sent', created_at: '2026-11-22T10:00:00.000Z' };
const list = (data: object[]): object => ({ object: 'list', data, has_more: false });
const MODEL = {
  object: 'model', id: 'model_1', name: 'tiny', created_at: '2026-11-22T10:00:00.000Z', aliases: ['gpt-4o'],
  versions: [{ id: 'ver_1', number: 1, digest: 'sha256:00', description: 'd', created_at: '2026-11-22T10:00:00.000Z' }],
  deployments: [{ id: 'dep_1', version_id: 'ver_1', protocol: 'openai', placement: 'inside', state: 'active', target: 'http://gpu:8000/v1', upstream_model: 'm', has_credential: true }],
};
const CALL = {
  object: 'call', id: '019ab3c4d5e67890a1b2c3d4e5f60718', organisation_id: 'org_1', project_id: 'proj_1', key_id: 'key_1', model: 'tiny', stream: true, status: 'answered', http_status: 200,
  error_code: null, admitted_at: '2026-11-22T10:00:00.000Z', ended_at: '2026-11-22T10:00:01.000Z', duration_ms: 1000, first_output_ms: 90, output_bytes: 12,
  usage: { input_tokens: 34, output_tokens: 12, cached_input_tokens: 0, reasoning_tokens: 0, estimated: false }, version_id: 'ver_1', deployment_id: 'dep_1', leaf_index: 17,
};

describe('the command line', () => {
  let api: ApiServer;
  let folder: string;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-cli-'));
    api = new ApiServer();
    await api.listen();
  });
  afterEach(async () => {
    await api.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const sluice = async (words: string[], stdin?: string | Uint8Array): Promise<CliResult> =>
    runCli(words, { env: { ...api.environment, SLUICE_DATA: folder }, ...(stdin !== undefined && { stdin }) });

  it.each([
    ['help of a command that there is not', ['help', 'nosuch'], "unknown command 'nosuch'"],
    ['an unknown command', ['modle'], 'Did you mean model?'],
    ['an unknown command that is asked for help', ['nosuch', '--help'], 'unknown command'],
    ['an unknown command of a group', ['key', 'nosuch', '-h'], '(sluice key --help'],
    ['a word too few, with where its help is', ['key', 'create'], '(sluice key create --help'],
    ['use that makes no sense, with where its help is', ['model', 'add', 'tiny'], '(sluice model add --help'],
    ['an unknown option', ['key', 'list', '--jsn'], 'Did you mean --json?'],
    ['a missing argument', ['key', 'create'], "missing required argument 'name'"],
    ['no command', [], 'Usage: sluice'],
    ['a group without a command', ['audit'], 'Usage: sluice audit'],
    ['a data folder that is empty', ['key', 'list', '--data', ''], 'Give a folder'],
    ['a data folder that is empty', ['up', '--data', ''], 'Give a folder'],
    ['a port for two, one of them gRPC', ['mesh', 'up', '--port', '8088', '--grpc-port', '8088'], '--port and --grpc-port are both 8088'],
    ['a port for two', ['up', '--port', '8088', '--admin-port', '8088'], 'both 8088'],
    ['a port that is none', ['up', '--port', '70000'], '0 to 65535'],
    ['a model that is nowhere', ['model', 'add', 'tiny'], '--openai URL, --kserve HOST:PORT or --gguf FILE'],
    ['a model that is in two places', ['model', 'add', 'tiny', '--openai', 'http://x/v1', '--gguf', 'f'], 'cannot be used with'],
    ['a key in an address', ['model', 'add', 'tiny', '--openai', 'https://user:secret@host/v1'], '--key-stdin'],
    ['an alias without a meaning', ['model', 'alias', 'gpt-4o'], 'Give'],
    ['an expiry that is no time', ['key', 'create', 'app', '--expires', 'soon'], '2027-01-31'],
    ['an expiry in the past', ['key', 'create', 'app', '--expires', '2020-01-01'], 'in the past'],
    ['an empty prompt', ['chat', ' '], 'prompt is empty'],
  ])('ends with 2 for %s', async (_, words, message) => {
    const result = await sluice(words);
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(result.stderr).toContain(message);
    expect(result.stderr).not.toContain('secret@');
    expect(api.seen).toEqual([]);
  });

  it('ends with 1 and names the mend when no platform runs', async () => {
    const none = await runCli(['key', 'list'], { env: { SLUICE_DATA: folder } });
    expect(none).toMatchObject({ code: 1, stdout: '' });
    expect(none.stderr).toContain('sluice up');
    const env = api.environment;
    await api.close();
    const gone = await runCli(['key', 'list'], { env });
    expect(gone.code).toBe(1);
    expect(gone.stderr).toContain('ECONNREFUSED');
    expect(gone.stderr).toContain('sluice up');
    await api.listen();
  });

  it('says which address may be wrong when it is the other face of the platform', async () => {
    api.on('GET /admin/v1/keys', { status: 404, json: { error: { message: 'Invalid URL (GET /admin/v1/keys)', type: 'invalid_request_error', param: null, code: 'unknown_url' } } });
    expect(await sluice(['key', 'list'])).toMatchObject({ code: 1, stderr: expect.stringContaining('SLUICE_ADMIN_URL is that of the admin API') });
  });

  it('finds the platform of a data folder, and sends its admin key', async () => {
    api.on('GET /admin/v1/keys', { json: { object: 'list', data: [KEY], has_more: false } });
    writeFileSync(join(folder, 'credentials.json'), JSON.stringify({ apiKey: 'sk-sluice-a', adminKey: 'sk-sluice-admin-b' }));
    writeFileSync(join(folder, 'running.json'), JSON.stringify({ url: api.url, adminUrl: api.url, pid: 1 }));
    const result = await runCli(['key', 'list', '--data', folder]);
    expect(result).toMatchObject({ code: 0, stdout: expect.stringContaining('key_1') });
    expect(api.seen[0]!.authorization).toBe('Bearer sk-sluice-admin-b');
  });

  it('shows a refusal in the words of the platform, without driving the terminal', async () => {
    api.on('GET /admin/v1/keys', { status: 403, json: { error: { message: 'Not \u001b[31mallowed.', type: 'permission_error', param: null, code: 'insufficient_permissions' } } });
    expect(await sluice(['key', 'list'])).toMatchObject({ code: 1, stderr: 'sluice: Not \\x1b[31mallowed.\n' });
    api.on('GET /admin/v1/keys', { bytes: Buffer.from('<html>') });
    expect(await sluice(['key', 'list'])).toMatchObject({ code: 1, stderr: expect.stringContaining('does not understand') });
  });

  it('creates and revokes keys', async () => {
    api.on('POST /admin/v1/keys', { status: 201, json: { ...KEY, secret: 'sk-sluice-shown-once' } });
    api.on('GET /admin/v1/projects', { json: list([PROJECT]) });
    api.on('DELETE /admin/v1/keys/key_1', { json: { ...KEY, revoked_at: '2026-11-22T11:00:00.000Z', was_revoked: false } });
    const created = await sluice(['key', 'create', 'app', '--expires', '2099-01-31', '--model', 'tiny', '--model', 'huge']);
    expect(created).toMatchObject({ code: 0, stdout: expect.stringContaining('sk-sluice-shown-once') });
    const posted = (): unknown => api.seen.findLast(({ method }) => method === 'POST')!.body;
    expect(created.stderr).toBe('');
    expect(posted()).toEqual({ name: 'app', kind: 'inference', project_id: 'proj_1', models: ['tiny', 'huge'], expires_at: '2099-01-31T00:00:00.000Z' });
    expect(await sluice(['key', 'create', 'reviewer', '--admin', 'auditor'])).toMatchObject({ code: 0 });
    expect(posted()).toEqual({ name: 'reviewer', kind: 'admin', role: 'auditor' });
    expect(await sluice(['key', 'revoke', 'key_1'])).toMatchObject({ code: 0, stdout: 'revoked key_1 (app)\n' });
    api.on('DELETE /admin/v1/keys/key_1', { json: { ...KEY, revoked_at: '2026-11-22T11:00:00.000Z', was_revoked: true } });
    expect(await sluice(['key', 'revoke', 'key_1'])).toMatchObject({ code: 0, stdout: 'key_1 (app) was revoked already, at 2026-11-22T11:00:00.000Z; nothing was changed\n' });
    expect(JSON.parse((await sluice(['key', 'revoke', 'key_1', '--json'])).stdout)).toMatchObject({ id: 'key_1', was_revoked: true });
    const projects = (...names: string[]): void => void api.on('GET /admin/v1/projects', { json: list(names.map((name, index) => ({ ...PROJECT, id: `proj_${index}`, name, created_at: `2026-11-0${9 - index}T10:00:00.000Z` }))) });
    for (const [names, expected] of [[['new', 'old'], 'proj_1'], [['new', 'default', 'old'], 'proj_1']] as const) {
      projects(...names);
      expect(await sluice(['key', 'create', '--model', 'tiny', 'app'])).toMatchObject({ code: 0, stderr: expect.stringContaining(`(${expected}); --project`) });
      expect(posted()).toEqual({ name: 'app', kind: 'inference', project_id: expected, models: ['tiny'] });
    }
  });

  it('adds a model of a server; its key comes from standard input and is not shown', async () => {
    api.on('POST /admin/v1/models', { status: 201, json: MODEL });
    const words = ['model', 'add', 'tiny', '--openai', 'http://gpu:8000/v1/', '--upstream-model', 'org/tiny', '--external', '--key-stdin'];
    const added = await sluice(words, 'upstream-secret\n');
    expect(added).toEqual({ code: 0, stdout: 'added tiny, version 1\n', stderr: '' });
    expect(api.seen[0]!.body).toEqual({ name: 'tiny', openai: { base_url: 'http://gpu:8000/v1', upstream_model: 'org/tiny', external: true, credential: 'upstream-secret' } });
    expect(await sluice(words, '')).toMatchObject({ code: 1, stderr: expect.stringContaining('Standard input was empty') });
  });

  it('says that a name has another version now, between how many calls are shared, and that some leave the house', async () => {
    const versions = [1, 2].map((number) => ({ ...MODEL.versions[0]!, id: `ver_${number}`, number }));
    const second = { ...MODEL.deployments[0]!, id: 'dep_2', version_id: 'ver_2', placement: 'external', upstream_model: 'other' };
    api.on('POST /admin/v1/models', { status: 201, json: { ...MODEL, versions: [versions[1]!], deployments: [second] } });
    api.on('GET /admin/v1/models', { json: { ...list([{ ...MODEL, versions, deployments: [MODEL.deployments[0], second, { ...second, id: 'dep_0', state: 'removed' }] }]), aliases: [] } });
    api.on('GET /admin/v1/backends', { json: list([]) });
    const mixed = 'tiny is served inside and outside the house: any call to it may be the one whose prompt leaves.\n';
    const added = await sluice(['model', 'add', 'tiny', '--openai', 'http://gpu:8000/v1', '--upstream-model', 'other', '--external']);
    expect(added).toEqual({ code: 0, stdout: 'added version 2 of tiny: calls are shared between 2 deployments\n', stderr: `Warning: ${mixed}` });
    const { stdout } = await sluice(['model', 'list']);
    expect(stdout).toMatch(/^MODEL +VERSION .* WHERE +UPSTREAM MODEL +STATE\ntiny +1 +gpt-4o +openai +inside +http:\/\/gpu:8000\/v1 +m +active\ntiny +2 +gpt-4o +openai +external +http:\/\/gpu:8000\/v1 +other +active\n/);
    expect(stdout.endsWith(mixed)).toBe(true);
    api.on('GET /admin/v1/models', { json: { ...list([{ ...MODEL, versions, deployments: [{ ...second, placement: 'inside' }] }]), aliases: [] } });
    expect(await sluice(['model', 'add', 'tiny', '--openai', 'http://gpu:8000/v1'])).toEqual({ code: 0, stdout: 'added version 2 of tiny\n', stderr: '' });
  });

  it('refuses a key with a character that no key has, wherever it comes from, and never shows it', async () => {
    const BAD = ['sk-sluice-SECRET\nx', 'sk-sluice-SECRET\u0456', 'sk-sluice-SECRET x', 'sk-sluice-SECRET\u0000'.replace('\u0000', '\u0007')];
    for (const bad of BAD) {
      for (const [name, words] of [['SLUICE_ADMIN_KEY', ['key', 'list']], ['SLUICE_API_KEY', ['chat', 'Hello']]] as const) {
        const result = await runCli(words, { env: { ...api.environment, [name]: bad } });
        expect(result).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining(`${name}: holds characters that no key has`) });
        expect(result.stderr).not.toContain('SECRET');
      }
    }
    writeFileSync(join(folder, 'credentials.json'), JSON.stringify({ apiKey: 'sk-sluice-a', adminKey: BAD[0] }));
    writeFileSync(join(folder, 'running.json'), JSON.stringify({ url: api.url, adminUrl: api.url, pid: 1 }));
    const stored = await runCli(['key', 'list', '--data', folder]);
    expect(stored).toMatchObject({ code: 1, stderr: expect.stringContaining('is damaged (adminKey holds characters that no key has)') });
    const piped = await sluice(['model', 'add', 'tiny', '--openai', 'http://gpu:8000/v1', '--key-stdin'], BAD[1]);
    expect(piped).toMatchObject({ code: 1, stderr: 'sluice: Standard input holds characters that no key has: the key was expected there.\n' });
    const address = await runCli(['key', 'list'], { env: { ...api.environment, SLUICE_ADMIN_URL: 'http://ada:SECRET@localhost:1' } });
    expect(address).toMatchObject({ code: 1, stderr: expect.stringContaining('SLUICE_ADMIN_URL: must hold no user name and no password') });
    expect([stored, piped, address].some(({ stderr }) => stderr.includes('SECRET'))).toBe(false);
    expect(api.seen).toEqual([]);
  }, 60_000);

  it('asks nothing that is no text', async () => {
    expect(await sluice(['chat', '-', '--model', 'tiny'], Buffer.from([0x48, 0xff, 0x69]))).toEqual({ code: 1, stdout: '', stderr: 'sluice: Standard input is not text in UTF-8.\n' });
    expect(api.seen).toEqual([]);
  });

  it('adds weights: copies them under their digest, with progress, and refuses what is no GGUF file', async () => {
    api.on('POST /admin/v1/models', { status: 201, json: MODEL });
    const bytes = Buffer.concat([Buffer.from('GGUF'), Buffer.alloc(5_000_000, 7)]);
    const hex = createHash('sha256').update(bytes).digest('hex');
    const file = join(folder, 'tiny.gguf');
    writeFileSync(file, bytes);
    for (let again = 0; again < 2; again++) expect(await sluice(['model', 'add', 'tiny', '--gguf', file])).toMatchObject({ code: 0, stderr: expect.stringContaining('100%') });
    const path = join(folder, 'models', `sha256-${hex}.gguf`);
    expect(api.seen[0]!.body).toEqual({ name: 'tiny', gguf: { path: basename(path), digest: `sha256:${hex}` } });
    expect(readFileSync(path).equals(bytes)).toBe(true);
    expect(readdirSync(join(folder, 'models'))).toEqual([`sha256-${hex}.gguf`]);
    writeFileSync(file, 'something else');
    expect(await sluice(['model', 'add', 'tiny', '--gguf', file])).toMatchObject({ code: 1, stderr: expect.stringContaining('not a GGUF file') });
    writeFileSync(join(folder, 'broken.whl'), 'PK\u0003\u0004 and no more');
    expect(await sluice(['model', 'add', 'tiny', '--gguf', join(folder, 'broken.whl')])).toMatchObject({ code: 1, stderr: expect.stringContaining('damaged') });
    expect(await sluice(['model', 'add', 'tiny', '--gguf', join(folder, 'none')])).toMatchObject({ code: 1, stderr: expect.stringContaining('no file') });
  });

  it('lists models with the state of their backends, and sets and forgets aliases', async () => {
    api.on('GET /admin/v1/models', { json: { object: 'list', data: [MODEL], aliases: [], has_more: false } });
    api.on('GET /admin/v1/backends', { json: { object: 'list', data: [{ deployment_id: 'dep_1', healthy: false, reason: 'connect ECONNREFUSED' }], has_more: false } });
    api.on('PUT /admin/v1/aliases/a%2Fb', { json: { object: 'alias', name: 'a/b', model: 'tiny', model_id: 'model_1' } });
    api.on('DELETE /admin/v1/aliases/a%2Fb', { json: { object: 'alias', name: 'a/b', deleted: true } });
    const listed = await sluice(['model', 'list']);
    expect(listed.stdout).toMatch(/tiny\s+1\s+gpt-4o\s+openai\s+inside\s+http:\/\/gpu:8000\/v1\s+m\s+unhealthy \(connect ECONNREFUSED\)/);
    api.on('GET /admin/v1/backends', { json: list([{ deployment_id: 'dep_1', healthy: true, reason: 'The backend refused the credential (HTTP 401).' }]) });
    expect((await sluice(['model', 'list'])).stdout).toContain('healthy (last failure: The backend refused the credential (HTTP 401).)');
    expect(JSON.parse((await sluice(['model', 'list', '--json'])).stdout)).toMatchObject({ data: [{ name: 'tiny', deployments: [{ id: 'dep_1', healthy: true, reason: 'The backend refused the credential (HTTP 401).' }] }], backends: [{ healthy: true }] });
    expect(await sluice(['model', 'alias', 'a/b', 'tiny'])).toMatchObject({ code: 0, stdout: 'a/b now means tiny\n' });
    expect(await sluice(['model', 'alias', 'a/b', '--remove'])).toMatchObject({ code: 0, stdout: 'forgot the alias a/b\n' });
    expect(JSON.parse((await sluice(['model', 'alias', 'a/b', 'tiny', '--json'])).stdout)).toEqual({ object: 'alias', name: 'a/b', model: 'tiny', model_id: 'model_1' });
    expect(JSON.parse((await sluice(['model', 'alias', 'a/b', '--remove', '--json'])).stdout)).toEqual({ object: 'alias', name: 'a/b', deleted: true });
    api.on('DELETE /admin/v1/models/tiny', { json: { object: 'model', name: 'tiny', deleted: true, aliases: [] } });
    expect(await sluice(['model', 'remove', 'tiny'])).toMatchObject({ code: 0, stdout: 'removed tiny\n' });
    expect(JSON.parse((await sluice(['model', 'remove', 'tiny', '--json'])).stdout)).toEqual({ object: 'model', name: 'tiny', deleted: true, aliases: [] });
    api.on('DELETE /admin/v1/models/tiny', { json: { object: 'model', name: 'tiny', deleted: true, aliases: ['gpt-4o', 'chat'] } });
    expect((await sluice(['model', 'remove', 'tiny'])).stdout).toBe('removed tiny, and its aliases gpt-4o, chat\n');
  });

  it('lists calls page by page, with the filters that were asked for', async () => {
    api.on('GET /admin/v1/audit/calls', ({ url }) => {
      const query = new URL(url, 'http://x').searchParams;
      const count = Math.min(Number(query.get('limit')), query.has('after') ? 20 : 100);
      return { json: { object: 'list', data: Array.from({ length: count }, (_, index) => ({ ...CALL, id: `${query.get('after') ?? 'first'}-${index}` })), has_more: !query.has('after') } };
    });
    const { data, has_more } = JSON.parse((await sluice(['audit', 'list', '--limit', '130', '--status', 'answered', '--since', '2026-11-01', '--json'])).stdout) as { data: object[]; has_more: boolean };
    expect([data.length, has_more]).toEqual([120, false]);
    expect(api.seen.map(({ url }) => url)).toEqual([
      '/admin/v1/audit/calls?status=answered&since=2026-11-01T00%3A00%3A00.000Z&limit=100',
      '/admin/v1/audit/calls?status=answered&since=2026-11-01T00%3A00%3A00.000Z&limit=30&after=first-99',
    ]);
    expect((await sluice(['audit', 'list', '--limit', '1'])).stdout).toMatch(/tiny\s+answered\s+34\+12\s+1000\s+17/);
    api.on('GET /admin/v1/audit/calls', { json: list([{ ...CALL, cut_by: 'rule' }, { ...CALL, cut_by: 'budget' }]) });
    expect((await sluice(['audit', 'list'])).stdout).toMatch(/answered \(cut by a rule\)[^]*answered \(cut by its budget\)/);
    expect(JSON.parse((await sluice(['audit', 'list', '--json'])).stdout)).toMatchObject({ data: [{ status: 'answered', cut_by: 'rule' }, { status: 'answered', cut_by: 'budget' }] });
  });

  it('shows a call with all that was asked and answered; a recorded answer cannot drive the terminal', async () => {
    const message = { role: 'user', content: [{ type: 'text', text: 'What is\nthis?' }, { type: 'image_url', image_url: { url: 'data:x' } }] };
    const choice = { index: 0, finish_reason: 'stop', content: '\u001b]0;owned\u0007Hello', reasoning: 'hm', refusal: null, tool_calls: [{ index: 0, id: 'call_1', type: 'function', name: 'look', arguments: '{"a":1}' }], function_call: null };
    const body = { bodies: 'kept', request: { model: 'tiny', stream: true, n: 2, messages: [message] }, choices: [choice, { ...choice, index: 1, tool_calls: [] }], events: [{ type: 'started', service_tier: 'flex', system_fingerprint: null }, { type: 'delta', choice: 1, extra: { seed: 0 } }, { type: 'attempt', deployment_id: 'dep_7', version_id: 'ver_7', external: true, error_code: 'upstream_error' }], error_message: null };
    api.on(`GET /admin/v1/audit/calls/${CALL.id}`, { bytes: Buffer.from(JSON.stringify({ ...CALL, ...body, segments: [{ producer: 'p', epoch: 1, seq: 2 }] }).replace('"seed":0', '"seed":12345678901234567890')) });
    const { stdout, code } = await sluice(['audit', 'show', CALL.id]);
    expect(code).toBe(0);
    for (const text of ['answered, HTTP 200', 'What is\nthis?', 'image_url', 'n: 2', 'hm', 'look call_1', '{"a":1}', 'answer 0 (stop)', 'answer 1 (stop)', '\\x1b]0;owned\\x07Hello', '34 in, 12 out', '17 of the', 'p/1/2', 'service_tier: "flex"', 'asked outside of the house: deployment dep_7, no answer (upstream_error)', 'extra of choice 1: {"seed":12345678901234567890}']) {
      expect(stdout).toContain(text);
    }
    expect(stdout).not.toContain('\u001b');
    expect((await sluice(['audit', 'show', CALL.id, '--json'])).stdout).toContain('12345678901234567890');
    api.on(`GET /admin/v1/audit/calls/${CALL.id}`, { json: { ...CALL, bodies: 'gone', request: null, choices: [], events: [], error_message: null, segments: [] } });
    expect((await sluice(['audit', 'show', CALL.id])).stdout).toContain('The proof stands');
    expect((await sluice(['audit', 'show', CALL.id])).stdout).toContain('first output after 90 ms');
    api.on(`GET /admin/v1/audit/calls/${CALL.id}`, { json: { ...CALL, first_output_ms: 0, output_bytes: 0, bodies: 'not_kept', request: null, choices: [], events: [], error_message: null, segments: [] } });
    expect((await sluice(['audit', 'show', CALL.id])).stdout).toMatch(/1000 ms, no output\n[^]*Bodies were not kept: the project of this call keeps digests only/);
    expect(JSON.parse((await sluice(['audit', 'show', CALL.id, '--json'])).stdout)).toMatchObject({ bodies: 'not_kept', request: null });
    api.on(`GET /admin/v1/audit/calls/${CALL.id}`, { json: { ...CALL, status: 'refused', bodies: 'not_kept', request: null, choices: [], events: [], error_message: null, segments: [] } });
    expect((await sluice(['audit', 'show', CALL.id])).stdout).toContain('refused before the content filter had looked at it');
  });

  const pieces = (...texts: string[]): string[] => texts.map((content) => JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason: null }] }));

  it('chats: one answer, streamed, with the first model of the key', async () => {
    api.on('GET /v1/models', { json: { object: 'list', data: [{ id: 'tiny' }] } });
    api.on('POST /v1/chat/completions', { stream: [...pieces('Hel', 'lo\u0007'), '[DONE]'] });
    expect(await sluice(['chat', 'Hi'])).toEqual({ code: 0, stdout: 'Hello\\x07\n', stderr: '(tiny answers; --model names another)\n' });
    expect(await sluice(['chat', '-', '--model', 'huge', '--max-tokens', '5'], 'from a pipe')).toMatchObject({ code: 0 });
    const chats = api.seen.filter(({ method }) => method === 'POST');
    expect(chats.map(({ body }) => body)).toEqual([
      { model: 'tiny', messages: [{ role: 'user', content: 'Hi' }], stream: true, max_completion_tokens: 1024 },
      { model: 'huge', messages: [{ role: 'user', content: 'from a pipe' }], stream: true, max_completion_tokens: 5 },
    ]);
    expect(chats[0]!.authorization).toBe('Bearer sk-sluice-test');
    expect(await sluice(['chat', 'Hi', '--max-tokens', '0'])).toMatchObject({ code: 2 });
    api.on('POST /v1/chat/completions', { status: 503, json: { error: { message: 'Away.', type: 'server_error', param: null, code: null } } });
    expect(await sluice(['chat', 'Hi', '--model', 'tiny'])).toEqual({ code: 1, stdout: '', stderr: 'sluice: Away.\n' });
    api.on('POST /v1/chat/completions', { status: 503, json: { error: { message: 'No backend.', type: 'server_error', param: null, code: 'backend_unavailable' } } });
    expect(await sluice(['chat', 'Hi', '--model', 'tiny'])).toMatchObject({ code: 1, stderr: expect.stringMatching(/No backend\.\nIt was tiny\. .*--model.*sluice model list/) });
  });

  it('chats with a model before an alias, and with the demonstration model last', async () => {
    const DEMO = 'smollm2-135m-instruct';
    api.on('GET /admin/v1/models', { json: { ...list([]), aliases: [{ name: 'a', model: 'qwen' }, { name: 'b', model: DEMO }] } });
    api.on('POST /v1/chat/completions', { stream: [...pieces('Hello'), '[DONE]'] });
    for (const [names, chosen] of [[['a', 'b', 'qwen', DEMO], 'qwen'], [['b', DEMO], DEMO], [['a', DEMO], 'a'], [['b'], 'b']] as const) {
      api.on('GET /v1/models', { json: { object: 'list', data: names.map((id) => ({ id })) } });
      expect(await sluice(['chat', 'Hi'])).toMatchObject({ code: 0 });
      expect(api.seen.at(-1)!.body).toMatchObject({ model: chosen });
    }
  });

  it('chats with a model that prompts stay inside for, even the demonstration model, before one outside', async () => {
    const placed = (name: string, ...placements: string[]): object => ({ ...MODEL, name, deployments: placements.map((placement) => ({ ...MODEL.deployments[0], placement })) });
    const all = [placed('gpt', 'external'), placed('half', 'inside', 'external'), placed('smollm2-135m-instruct', 'inside')];
    api.on('GET /v1/models', { json: { object: 'list', data: [{ id: 'gpt' }, { id: 'half' }, { id: 'smollm2-135m-instruct' }] } });
    api.on('GET /admin/v1/models', { json: { ...list(all), aliases: [] } });
    api.on('POST /v1/chat/completions', { stream: [...pieces('Hello'), '[DONE]'] });
    expect(await sluice(['chat', 'Hi'])).toMatchObject({ code: 0, stderr: '(smollm2-135m-instruct answers; --model names another)\n' });
    expect(api.seen.at(-1)!.body).toMatchObject({ model: 'smollm2-135m-instruct' });
  });

  it('chats with no model that takes tensors', async () => {
    const served = (name: string, ...inputs: string[]): object => ({ ...MODEL, name, versions: [{ ...MODEL.versions[0], inputs: inputs.map((input) => ({ name: input, datatype: 'BYTES', shape: [1] })) }] });
    api.on('GET /admin/v1/models', { json: { ...list([served('defects', 'image'), { ...served('smollm2-135m-instruct', 'text_input', 'stream') }]), aliases: [{ name: 'd', model: 'defects' }] } });
    api.on('POST /v1/chat/completions', { stream: [...pieces('Hello'), '[DONE]'] });
    api.on('GET /v1/models', { json: { object: 'list', data: [{ id: 'defects' }, { id: 'd' }, { id: 'smollm2-135m-instruct' }] } });
    expect(await sluice(['chat', 'Hi'])).toMatchObject({ code: 0, stderr: '(smollm2-135m-instruct answers; --model names another)\n' });
    api.on('GET /v1/models', { json: { object: 'list', data: [{ id: 'defects' }, { id: 'd' }] } });
    expect(await sluice(['chat', 'Hi'])).toMatchObject({ code: 1, stderr: expect.stringContaining('There is no model that answers chats') });
  });

  it('takes the address that up prints, with /v1 or a slash behind it', async () => {
    api.on('POST /v1/chat/completions', { stream: [...pieces('Hello'), '[DONE]'] });
    for (const end of ['/v1', '/v1/', '/']) {
      const env = { ...api.environment, SLUICE_URL: `${api.url}${end}`, SLUICE_DATA: folder };
      expect(await runCli(['chat', 'Hi', '--model', 'tiny'], { env })).toMatchObject({ code: 0, stdout: 'Hello\n' });
    }
  });

  it('lists keys as active, expired or revoked', async () => {
    const [past, future] = ['2020-01-01T00:00:00.000Z', '2099-01-01T00:00:00.000Z'];
    const keys = [{ ...KEY, expires_at: future }, { ...KEY, expires_at: past }, { ...KEY, expires_at: past, revoked_at: past }, KEY];
    api.on('GET /admin/v1/keys', { json: list(keys) });
    const states = (JSON.parse((await sluice(['key', 'list', '--json'])).stdout) as { data: { state: string }[] }).data.map(({ state }) => state);
    expect(states).toEqual(['active', 'expired', 'revoked', 'active']);
    expect((await sluice(['key', 'list'])).stdout).toMatch(/2020-01-01T00:00:00.000Z\s+expired/);
  });

  it('chats: says beside the answer when it was cut off, and ends with 1 when the connection is', async () => {
    const end = JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: 'length' }] });
    api.on('POST /v1/chat/completions', { stream: [...pieces('Hel'), end, '[DONE]'] });
    expect(await sluice(['chat', 'Hi', '--model', 'tiny'])).toMatchObject({ code: 0, stdout: 'Hel\n', stderr: expect.stringContaining('cut off after 1024 tokens') });
    const stopped = JSON.stringify({ choices: [{ index: 0, delta: {}, finish_reason: 'length' }], sluice: { stopped_by: 'budget' } });
    api.on('POST /v1/chat/completions', { stream: [...pieces('Hel'), stopped, '[DONE]'] });
    expect(await sluice(['chat', 'Hi', '--model', 'tiny'])).toMatchObject({ code: 0, stdout: 'Hel\n', stderr: expect.stringContaining('the budget is used up') });
    api.on('POST /v1/chat/completions', { stream: pieces('half'), isCut: true });
    expect(await sluice(['chat', 'Hi', '--model', 'tiny'])).toMatchObject({ code: 1, stderr: 'sluice: The answer broke off: the platform closed the connection.\n' });
  });

  it('chats on with what was said before; an answer that broke off is not remembered, and ends a conversation from a pipe with 1', async () => {
    api.on('POST /v1/chat/completions', ({ body }) => {
      const { messages } = body as { messages: { content: string }[] };
      return { stream: messages.at(-1)!.content === 'break' ? pieces('half') : [...pieces(`answer ${messages.length}`), '[DONE]'] };
    });
    expect(await sluice(['chat', '--model', 'tiny'], 'one\n')).toMatchObject({ code: 0, stderr: '' });
    const { stdout, stderr, code } = await sluice(['chat', '--model', 'tiny'], 'one\nbreak\ntwo\n');
    expect([code, stderr]).toEqual([1, 'sluice: Questions that were not answered: 1.\n']);
    expect(stdout).toContain('broke off');
    expect(api.seen.at(-1)!.body).toMatchObject({ messages: [{ content: 'one' }, { role: 'assistant', content: 'answer 1' }, { content: 'two' }] });
  });

  it('ends with 1 when an answer breaks off or fails in the middle', async () => {
    api.on('POST /v1/chat/completions', { stream: pieces('half') });
    expect(await sluice(['chat', 'Hi', '--model', 'tiny'])).toMatchObject({ code: 1, stdout: 'half\n', stderr: expect.stringContaining('broke off') });
    api.on('POST /v1/chat/completions', { stream: [...pieces('half'), JSON.stringify({ error: { message: 'The backend failed.', type: 'server_error', param: null, code: null } })] });
    expect(await sluice(['chat', 'Hi', '--model', 'tiny'])).toMatchObject({ code: 1, stderr: 'sluice: The backend failed.\n' });
  });

  it('gives a backup up with Ctrl-C: the platform sees the one who asked go away', async () => {
    const asked = new Promise<void>((reached) => void api.on('POST /admin/v1/backups', () => (reached(), { never: true })));
    const child = spawn(process.execPath, [...CLI_WORDS, 'backup', join(folder, 'copy')], { env: cleanEnvironment({ ...api.environment, SLUICE_DATA: folder }), stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const ended = once(child, 'close');
    await Promise.race([asked, ended]);
    child.kill('SIGINT');
    expect(await ended).toEqual([1, null]);
    expect(stderr).toMatch(/copies itself to .*\nsluice: cancelled\n$/);
  });

  it('asks a running platform for a backup, and refuses to restore what is no backup', async () => {
    api.on('POST /admin/v1/backups', ({ body }) => ({ status: 201, json: { object: 'backup', ...(body as object) } }));
    expect(await sluice(['backup', join(folder, 'copy')])).toMatchObject({ code: 0, stdout: expect.stringContaining(`${join(folder, 'copy')} on the machine of the platform at ${api.url}`) });
    const json = await sluice(['backup', join(folder, 'copy'), '--json']);
    expect(JSON.parse(json.stdout)).toEqual({ object: 'backup', directory: join(folder, 'copy') });
    expect(json.stderr).toContain('copies itself to');
    expect(await sluice(['restore', join(folder, 'none'), '--data', join(folder, 'new')])).toMatchObject({ code: 1, stderr: expect.stringContaining('no folder') });
    mkdirSync(join(folder, 'half'));
    expect(await sluice(['restore', join(folder, 'half'), '--data', join(folder, 'new')])).toMatchObject({ code: 1, stderr: expect.stringContaining('not a whole backup') });
  });
});
