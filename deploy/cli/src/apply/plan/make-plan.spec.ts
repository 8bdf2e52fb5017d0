import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { stringify } from 'yaml';
import { exportFile } from '../export-file.ts';
import type { PlatformState } from '../platform-state.ts';
import { readPlatformFile } from '../read-file.ts';
import { sourcesOf } from '../sources.ts';
import { makePlan } from './make-plan.ts';
import type { Plan } from './plan.ts';

let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'sluice-plan-'))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const EMPTY: PlatformState = {
  organisationId: 'org_1', ownKeyId: 'key_own', currency: 'USD', models: [], aliases: [], limits: [], budgets: [], prices: [], parameterRules: [], filterRules: [],
  projects: [{ id: 'proj_1', name: 'default', body_policy: 'sent', created_at: '2026-01-01T00:00:00.000Z' }],
  keys: [keyOf('key_own', 'first', { kind: 'admin', role: 'owner', project_id: null }), keyOf('key_1', 'app')],
};

function keyOf(id: string, name: string, more: object = {}): PlatformState['keys'][number] {
  return { id, name, kind: 'inference', role: null, project_id: 'proj_1', prefix: 'sk', models: [], created_at: '2026-01-01T00:00:00.000Z', expires_at: null, revoked_at: null, ...more };
}

function ruleOf(id: string, more: Partial<PlatformState['filterRules'][number]> = {}): PlatformState['filterRules'][number] {
  return { id, project_id: null, kind: 'word', action: 'block', direction: 'both', title: 'keyword rule', patterns: ['badger'], pattern_count: 1, created_at: '2026-01-01T00:00:00.000Z', ...more };
}

function modelOf(name: string, deployment: object, digest = 'sha256:00'): PlatformState['models'][number] {
  const one = { id: 'dep_1', version_id: 'ver_1', upstream_model: name, protocol: 'openai', placement: 'inside', state: 'active', target: 'http://h/v1', has_credential: false, ...deployment };
  return { id: 'mdl_1', name, aliases: [], versions: [{ id: 'ver_1', number: 1, digest, description: 'd' }], deployments: [one] };
}

async function planOf(value: object, state: PlatformState, { prunes = false } = {}): Promise<Plan> {
  const { wanted } = readPlatformFile(Buffer.from(stringify({ sluice: 1, ...value })), 'p.yaml');
  return makePlan(wanted, state, sourcesOf({ folder, dataDir: join(folder, 'data') }), { prunes });
}
const stepsOf = (plan: Plan): string[] => plan.steps.map(({ sign, what, details }) => [`${sign} ${what}`, ...details].join('; '));
const faultsOf = (plan: Plan): string[] => plan.faults.map(({ path, message }) => `${path.join('.')}: ${message}`);

describe('what differs', () => {
  it('is nothing where nothing is said, and only removed where that is asked for', async () => {
    const state = { ...EMPTY, budgets: [budget('organisation', 'org_1')], limits: [limits('project', 'proj_1', { requests_per_day: 5 })] };
    expect(stepsOf(await planOf({ organisation: {}, projects: [{ name: 'default', keys: [] }] }, state))).toEqual([]);
    expect(stepsOf(await planOf({ projects: [{ name: 'default' }] }, state, { prunes: true }))).toEqual(['- limits of project default; requests_per_day: 5 -> none']);
    expect(stepsOf(await planOf({ organisation: {}, projects: [{ name: 'default', limits: { requests_per_day: 5 }, keys: [] }] }, state, { prunes: true }))).toEqual([
      '- budget of the organisation; amount: 7 -> none', '- key app of project default; key_1 is revoked',
    ]);
  });

  it('is what is said to be none, and each limit alone', async () => {
    const state = { ...EMPTY, budgets: [budget('key', 'key_1')], limits: [limits('key', 'key_1', { requests_per_day: 5, concurrent_requests: 2 })] };
    const plan = await planOf({ projects: [{ name: 'default', keys: [{ name: 'app', budget: null, limits: { requests_per_day: 0, tokens_per_minute: 9 } }] }] }, state);
    expect(stepsOf(plan)).toEqual(['~ limits of key app of project default; tokens_per_minute: 9; requests_per_day: 5 -> none', '- budget of key app of project default; amount: 7 -> none']);
  });

  it('never removes the key that asks, a project, or one deployment of several, and says so', async () => {
    const state = { ...EMPTY, models: [modelOf('m', {})] };
    const plan = await planOf({ projects: [], admin_keys: [], models: [{ name: 'm', deployments: [] }] }, state, { prunes: true });
    expect(stepsOf(plan)).toEqual([]);
    expect(plan.notes.map((note) => note.slice(0, 40))).toEqual([expect.stringContaining('The model m is also'), expect.stringContaining('The project default is not in'), expect.stringContaining('The admin key first')]);
  });

  it('finds a key by its name, or by its id where names are not enough', async () => {
    const state = { ...EMPTY, keys: [...EMPTY.keys, keyOf('key_2', 'twin'), keyOf('key_3', 'twin', { models: ['m'] })], models: [modelOf('m', {})] };
    const twins = (...keys: object[]) => planOf({ projects: [{ name: 'default', keys }] }, state);
    expect(faultsOf(await twins({ name: 'twin' }))).toEqual(['projects.0.keys.0.name: 2 keys have this name; say which with id: key_2, key_3']);
    const both = await twins({ name: 'twin', id: 'key_2' }, { name: 'twin', models: ['m'] });
    expect([stepsOf(both), faultsOf(both)]).toEqual([[], []]);
    const written = exportFile(state).text;
    expect(written.match(/id: key_\d/g)).toEqual(['id: key_2', 'id: key_3']);
    expect(stepsOf(await makePlan(readPlatformFile(Buffer.from(written), 'e').wanted, state, sourcesOf({ folder, dataDir: folder }), { prunes: true }))).toEqual([]);
    expect(faultsOf(await twins({ name: 'twin', id: 'key_9' }))).toEqual([expect.stringContaining('there is no such key there')]);
    expect(faultsOf(await twins({ name: 'app', id: 'key_2' }))).toEqual([expect.stringContaining('has the name twin, which is not changed')]);
  });

  it('is refused where it cannot be made, all of it at once', async () => {
    const state = { ...EMPTY, prices: [price('m')], models: [modelOf('m', {})], aliases: [{ name: 'taken', model: 'm' }] };
    const plan = await planOf({
      organisation: { currency: 'EUR' },
      models: [{ name: 'new' }, { name: 'taken', deployments: [{ openai: 'http://h/v1' }] }, { name: 'm', deployments: [{ openai: 'http://h/v1/', external: true }, { openai: 'ftp://h' }, { openai: 'http://h/v3', api_key_from: { env: 'NO_SUCH_VARIABLE' } }, { digest: `sha256:${'0'.repeat(64)}` }] }],
      projects: [{ name: 'default', bodies: 'digest', keys: [{ name: 'app', models: ['m'], expires_at: '2027-01-01T00:00:00Z' }, { name: 'b', models: ['nosuch'], expires_at: '2020-01-01T00:00:00Z' }] }],
      admin_keys: [{ name: 'first', role: 'auditor' }],
      parameter_rules: [{ parameter: 'n', max: 1, model: 'nosuch' }],
      filter_rules: [{ words_file: 'none.txt' }],
    }, state);
    expect(plan.faults.map(({ path }) => path.join('.'))).toEqual([
      'organisation.currency', 'models.0.name', 'models.1.name', 'models.2.deployments.0.external', 'models.2.deployments.1.openai', 'models.2.deployments.2.api_key_from', 'models.2.deployments.3.digest',
      'projects.0.bodies', 'projects.0.keys.0.expires_at', 'projects.0.keys.0.models', 'projects.0.keys.1.models.0', 'projects.0.keys.1.expires_at', 'admin_keys.0.role', 'parameter_rules.0.model', 'filter_rules.0.words_file',
    ]);
  });

  it('is refused where the file makes no sense, beside what cannot be made', async () => {
    const plan = await planOf({
      models: [{ name: 'a', aliases: ['b', 'a'], deployments: [{}, { openai: 'http://h', gguf: 'x.gguf' }, { gguf: 'x', external: true }, { openai: 'http://h/', api_key_from: {} }, { openai: 'http://h' }] }],
      projects: [{ name: 'p', keys: [{ name: 'k' }, { name: 'k' }] }, { name: 'p' }],
      admin_keys: [{ name: 'first', role: 'member' }],
      parameter_rules: [{ parameter: 'speed', max: 1 }, { parameter: 'n' }, { parameter: 'top_p', min: 1, max: 0.5 }, { parameter: 'n', max: 2, project: 'q' }, { parameter: 'n', min: 0, max: 1.5, default: 3 }],
      filter_rules: [{}, { kind: 'regex', words: ['a'] }, { kind: 'pii:email', regex: 'a' }, { words: [' '] }, { words: [] }, { kind: 'regex', regex: 'a', action: 'allow' }, { words: ['a'] }, { words: ['a'], title: 't' }],
    }, EMPTY);
    expect(faultsOf(plan)).toEqual([
      'models.0.aliases.1: stands here for the second time', 'models.0.deployments.4: stands here for the second time',
      'models.0.deployments.0: must have one of openai, kserve, and gguf with or without digest', 'models.0.deployments.1: must have one of openai, kserve, and gguf with or without digest',
      'models.0.deployments.2.external: goes with openai and kserve alone', 'models.0.deployments.3.api_key_from: must have one of env and file',
      'projects.1.name: stands here for the second time', 'projects.0.keys.1.name: stands here for the second time',
      'parameter_rules.0.parameter: must be one of temperature, top_p, max_tokens, n, presence_penalty, frequency_penalty', 'parameter_rules.1: must have at least one of min, max and default',
      'parameter_rules.2.min: is larger than max', 'parameter_rules.3.project: there is no project of this name, here or at the platform',
      'parameter_rules.4.min: must be a whole number from 1 to 128 for n', 'parameter_rules.4.max: must be a whole number from 1 to 128 for n', 'parameter_rules.4.default: lies outside of min and max',
      'parameter_rules.4.default: means nothing for n: who asks for no number of choices asks for one', 'parameter_rules.4: stands here for the second time',
      'filter_rules.0: must have one of words and words_file', 'filter_rules.1.words: does not go with the kind regex', 'filter_rules.1: must have regex', 'filter_rules.2.regex: does not go with the kind pii:email',
      'filter_rules.3.words.0: is empty', 'filter_rules.4.words: holds no word', 'filter_rules.5.action: only words can be allowed', 'filter_rules.7: stands here for the second time',
      expect.stringContaining('admin_keys.0.role: the role of a key is not changed'),
    ]);
  });
});

describe('what the services refuse', () => {
  it('is known before they are asked: names, addresses, expressions, words, titles', async () => {
    const plan = await planOf({
      models: [
        { name: 'bad name!', aliases: ['a/../b', 'good'], deployments: [{ openai: 'http://h/v1/models' }, { openai: 'http://u:p@h/v1' }, { openai: 'not a url' }, { kserve: 'h' }, { openai: 'http://h/v1', gguf: 'x' }] },
        { name: 'fine', deployments: [{ openai: 'http://h/v1/chat/completions' }] },
      ],
      projects: [{ name: 'left\u202eright', keys: [{ name: 'k\u2028', expires_at: '2020-01-01T00:00:00Z' }] }],
      admin_keys: [{ name: 'x\u2066', role: 'owner' }],
      filter_rules: [
        { kind: 'regex', regex: '(a+' }, { kind: 'regex', regex: '(a)\\1' }, { kind: 'regex', regex: `${'a'.repeat(257)}` }, { words: ['fine', '...', 'x'.repeat(101)] }, { words: ['fine', '...'] },
        { words: ['badger'], title: 'no badgers, badger' }, { kind: 'regex', regex: 'b[a-z]+r', title: 'badger' }, { kind: 'regex', regex: 'o+', title: 'fine' }, { kind: 'pii:email', title: 'me@example.com' },
      ],
    }, EMPTY);
    expect(faultsOf(plan).toSorted()).toEqual([
      'admin_keys.0.name: contains control characters',
      'filter_rules.0.regex: Unterminated group, at position 3', 'filter_rules.1.regex: a reference back cannot be matched in linear time, at position 3', 'filter_rules.2.regex: a regular expression has at most 256 characters',
      'filter_rules.3.words: a word has at most 100 characters', 'filter_rules.4.words.1: holds nothing that can be looked for',
      'filter_rules.5.title: is told to whoever is refused, and holds what the rule looks for', 'filter_rules.6.title: is told to whoever is refused, and holds what the rule looks for',
      'models.0.aliases.0: may hold letters, digits, `.`, `_`, `-`, `:` and single `/` between them', 'models.0.deployments.0.openai: must end before `/models`',
      'models.0.deployments.1.openai: must be an http(s) address without a user name, a password, a query or a fragment, such as http://gpu-1:8000/v1',
      'models.0.deployments.2.openai: must be an http(s) address without a user name, a password, a query or a fragment, such as http://gpu-1:8000/v1',
      'models.0.deployments.3.kserve: must be host:port of the gRPC of a KServe v2 server, such as triton-1:8001', 'models.0.deployments.4: must have one of openai, kserve, and gguf with or without digest',
      'models.0.name: may hold letters, digits, `.`, `_`, `-`, `:` and single `/` between them',
      'projects.0.keys.0.expires_at: is in the past, and there is no such key yet', 'projects.0.keys.0.name: contains control characters', 'projects.0.name: contains control characters',
    ]);
  });
});

describe('models', () => {
  it('are compared by where they are answered; a key is only given where there is none', async () => {
    writeFileSync(join(folder, 'key.txt'), 'sk-up\n');
    const given = { name: 'm', deployments: [{ openai: 'HTTP://H:80/v1/', upstream_model: 'm', api_key_from: { file: 'key.txt' } }] };
    expect(stepsOf(await planOf({ models: [given] }, { ...EMPTY, models: [modelOf('m', { has_credential: true, target: 'http://h/v1' })] }))).toEqual([]);
    const plan = await planOf({ models: [given] }, { ...EMPTY, models: [modelOf('m', { target: 'http://h/v1' })] });
    expect([stepsOf(plan), JSON.stringify(plan.steps)]).toEqual([['~ deployment of m; key for the server: none -> given'], expect.not.stringContaining('sk-up')]);
    expect(stepsOf(await planOf({ models: [given] }, { ...EMPTY, models: [modelOf('m', { state: 'removed', has_credential: true, target: 'http://h/v1' })] }))).toEqual([expect.stringContaining('+ deployment of m; openai: http://h/v1')]);
  });

  it('of a KServe v2 server are compared by its address; how they are loaded there is not changed', async () => {
    const state = { ...EMPTY, models: [modelOf('m', { protocol: 'kserve', target: 'triton-1:8001', managed: true })] };
    const look = async (deployment: object): Promise<Plan> => planOf({ models: [{ name: 'm', deployments: [deployment] }] }, state);
    expect(stepsOf(await look({ kserve: 'Triton-1:8001', load: true }))).toEqual([]);
    expect(stepsOf(await look({ kserve: 'triton-2:8001', upstream_model: 'x', load: true }))).toEqual(['+ deployment of m; kserve: triton-2:8001; upstream_model: x; placement: inside; load: true']);
    expect(faultsOf(await look({ kserve: 'triton-1:8001', external: true })).map((fault) => fault.split(':')[0])).toEqual(['models.0.deployments.0.external', 'models.0.deployments.0.load']);
    expect(faultsOf(await look({ kserve: 'http://triton-1' }))).toEqual([expect.stringContaining('must be host:port')]);
    expect(faultsOf(await look({ kserve: 'triton-1:8001', api_key_from: { env: 'X' } }))).toEqual(['models.0.deployments.0.api_key_from: goes with openai alone']);
    const written = exportFile(state);
    expect([written.unsaid, stepsOf(await planOf({ models: readPlatformFile(Buffer.from(written.text), 'e').wanted.models }, state, { prunes: true }))]).toEqual([[], []]);
    expect(written.text).toContain('kserve: triton-1:8001');
  });

  it('keep to their weights by digest, wherever the file of them lies', async () => {
    const bytes = Buffer.from('GGUF and more');
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    writeFileSync(join(folder, 'w.gguf'), bytes);
    const state = { ...EMPTY, models: [modelOf('m', { protocol: 'kserve', target: 'local' }, digest)] };
    for (const deployment of [{ digest }, { gguf: 'w.gguf' }, { gguf: 'gone.gguf', digest }]) expect(stepsOf(await planOf({ models: [{ name: 'm', deployments: [deployment] }] }, state))).toEqual([]);
    expect(stepsOf(await planOf({ models: [{ name: 'n', deployments: [{ gguf: 'w.gguf' }] }] }, state))).toEqual([`+ deployment of n; weights: ${digest}`]);
    writeFileSync(join(folder, 'other.gguf'), 'ELF');
    const wrong = [{ gguf: 'none.gguf' }, { gguf: 'other.gguf' }, { gguf: 'w.gguf', digest: `sha256:${'1'.repeat(64)}` }];
    expect(faultsOf(await planOf({ models: [{ name: 'n', deployments: wrong }] }, state)).map((fault) => fault.replaceAll(folder, ''))).toEqual([
      'models.0.deployments.0.gguf: there is no file /none.gguf', 'models.0.deployments.1.gguf: /other.gguf is not a GGUF file', `models.0.deployments.2.gguf: /w.gguf has another digest: ${digest}`,
    ]);
    // Weights that were kept before, of a model that was removed.
    mkdirSync(join(folder, 'data', 'models'), { recursive: true });
    writeFileSync(join(folder, 'data', 'models', `sha256-${digest.slice(7)}.gguf`), bytes);
    expect(faultsOf(await planOf({ models: [{ name: 'n', deployments: [{ digest }] }] }, EMPTY))).toEqual([]);
  });

  it('have a price that is 0 where it is to be none', async () => {
    const state = { ...EMPTY, models: [modelOf('m', {})], prices: [price('m')] };
    expect(stepsOf(await planOf({ models: [{ name: 'm', price: { input: 1, output: 2 } }] }, state))).toEqual([]);
    expect(stepsOf(await planOf({ models: [{ name: 'm', price: { input: 1, output: 3, reasoning: 2 } }] }, state))).toEqual(['~ price of m; output: 2 -> 3']);
    expect(stepsOf(await planOf({ models: [{ name: 'm' }] }, state, { prunes: true }))).toEqual(['- price of m; input: 1 -> 0; output: 2 -> 0; cached_input: 1 -> 0; reasoning: 2 -> 0']);
  });

  it('that the file has no words for are said when it is written', () => {
    const { text, unsaid } = exportFile({ ...EMPTY, models: [modelOf('m', { protocol: 'smoke', target: 'gpu-1:8001' })] });
    expect([unsaid, readPlatformFile(Buffer.from(text), 'e').wanted.models]).toEqual([['The model m is answered by m at gpu-1:8001 (smoke): the file has no words for that.'], [{ name: 'm', deployments: [] }]]);
  });
});

describe('rules of the filter', () => {
  const changes = async (rules: object[], there: PlatformState['filterRules'], prunes = false) => stepsOf(await planOf({ filter_rules: rules }, { ...EMPTY, filterRules: there }, { prunes }));

  it('are the same when they look for the same, in any order, whatever title was not asked for', async () => {
    const there = [ruleOf('r1', { patterns: ['a', 'b'] }), ruleOf('r2', { kind: 'pii:email', action: 'mask', patterns: [], title: 'mail' })];
    expect(await changes([{ kind: 'pii:email', action: 'mask' }, { words: [' b', 'a', 'a'] }], there, true)).toEqual([]);
  });

  it('change their title by another rule, and what they look for by the title that they alone have', async () => {
    const there = [ruleOf('r1', { title: 'old' }), ruleOf('r2', { title: 'list', patterns: ['a', 'b'] })];
    expect(await changes([{ title: 'new', words: ['badger'] }, { title: 'list', words: ['a', 'c', 'd'], action: 'mask' }], there, true)).toEqual([
      '~ rule new (block word, both); title: old -> new', '~ rule list (mask word, both); action: block -> mask; looks for: 2 patterns -> 3 patterns, 2 of them new',
    ]);
    expect(await changes([{ title: 'keyword rule', words: ['x'] }], [ruleOf('r1'), ruleOf('r2', { patterns: ['y'] })], true)).toEqual([
      '+ rule keyword rule (block word, both); 1 pattern', '- rule keyword rule (block word, both); r1', '- rule keyword rule (block word, both); r2',
    ]);
  });

  it('stay beside those of the file unless that is to be all', async () => {
    expect(await changes([{ words: ['x'] }], [ruleOf('r1')])).toEqual(['+ rule (block word, both); 1 pattern']);
    expect(stepsOf(await planOf({}, { ...EMPTY, filterRules: [ruleOf('r1')] }, { prunes: true }))).toEqual([]);
  });
});

function limits(level: string, id: string, more: object): PlatformState['limits'][number] {
  return { level, id, requests_per_minute: null, tokens_per_minute: null, concurrent_requests: null, requests_per_day: null, ...more };
}

function budget(level: string, id: string): PlatformState['budgets'][number] {
  return { level, id, amount: '7', spent: '0', held: '0', overrun: '0', currency: 'USD', period: 'day', period_start: null };
}

function price(model: string): PlatformState['prices'][number] {
  return { id: 'price_1', model, currency: 'USD', input_nano: '1', output_nano: '2', cached_input_nano: '1', reasoning_nano: '2', valid_from: '2026-01-01T00:00:00.000Z' };
}
