import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { stringify } from 'yaml';
import { z } from 'zod';
import { CLI_WORDS, cleanEnvironment, runCli, type CliResult } from '../testing/run-cli.ts';
import { UpHouse, type Running } from '../testing/up-house.ts';
import { HttpApi } from '../platform-api/http-api.ts';
import { exportFile } from './export-file.ts';
import { makePlan } from './plan/make-plan.ts';
import type { Plan } from './plan/plan.ts';
import { readPlatform } from './platform-state.ts';
import { readPlatformFile } from './read-file.ts';
import { runPlan } from './run-plan.ts';
import { sourcesOf } from './sources.ts';

const house = new UpHouse();
let running: Running;
let api: HttpApi;
beforeAll(async () => {
  running = await house.start();
  api = new HttpApi(`${running.ready.adminUrl}/admin/v1`, running.ready.adminKey, running.ready.adminUrl);
});
afterAll(() => house.dispose());

const path = (name: string): string => join(house.parent, name);
const sluice = (words: readonly string[], input: { readonly stdin?: string; readonly env?: Record<string, string> } = {}): Promise<CliResult> => runCli([...words, '--data', house.data], input);
const write = (value: object): string => {
  writeFileSync(path('p.yaml'), stringify({ sluice: 1, ...value }));
  return path('p.yaml');
};

async function planOf(text: string, prunes = true): Promise<Plan> {
  const plan = await makePlan(readPlatformFile(Buffer.from(text), 'p.yaml').wanted, await readPlatform(api), sourcesOf({ folder: house.parent, dataDir: house.data }), { prunes });
  expect(plan.faults).toEqual([]);
  return plan;
}

describe('apply', () => {
  it('shows the difference, makes it, and finds none any more; a key is written down once, for its owner alone', async () => {
    const file = write({
      models: [{ name: 'gpt', aliases: ['assistant'], deployments: [{ openai: 'http://127.0.0.1:9/v1', upstream_model: 'big', external: true, api_key_from: { env: 'GPT_KEY' } }], price: { input: 5, output: 6 } }],
      projects: [{ name: 'research', bodies: 'digest', limits: { requests_per_minute: 9 }, keys: [{ name: 'team', models: ['assistant'], budget: { amount: 8300, period: 'day' } }] }],
      filter_rules: [{ title: 'long list', words: Array.from({ length: 30 }, (_, at) => `badger${at}`), project: 'research' }],
    });
    const missing = await sluice(['apply', '-f', file, '--yes']);
    expect(missing).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/line \d+: models\[0\]\.deployments\[0\]\.api_key_from: the environment variable GPT_KEY is not set/) });
    const env = { GPT_KEY: 'sk-upstream-secret' };
    const shown = await sluice(['apply', '-f', file, '--dry-run'], { env });
    expect(shown).toMatchObject({ code: 3, stderr: '', stdout: expect.stringMatching(/^\+ project research\n {4}bodies: digest\n\+ deployment of gpt\n[\s\S]*\n8 to add, 0 to change, 0 to remove\.\n$/) });
    const done = await sluice(['apply', '-f', file, '--yes', '--keys-out', path('keys.jsonl')], { env });
    expect(done).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('Done: 8 changes.') });
    const key = JSON.parse(readFileSync(path('keys.jsonl'), 'utf8')) as { secret: string; project: string };
    expect([statSync(path('keys.jsonl')).mode & 0o777, key.project]).toEqual([0o600, 'research']);
    expect(await sluice(['apply', '-f', file, '--dry-run'])).toMatchObject({ code: 0, stdout: 'No difference: the platform is as the file says.\n' });
    const models = await fetch(`${running.ready.url}/v1/models`, { headers: { authorization: `Bearer ${key.secret}` } });
    expect(models.status).toBe(200);
    const { stdout } = await sluice(['export']);
    for (const secret of [key.secret, env.GPT_KEY, running.ready.adminKey, running.ready.apiKey]) expect(stdout + shown.stdout + done.stdout).not.toContain(secret);
    expect(stdout).toContain('env: GPT_API_KEY');
    expect(await sluice(['apply', '-f', '-', '--dry-run', '--prune'], { stdin: stdout })).toMatchObject({ code: 0 });
  }, 60_000);

  it('says what it did and what not when it fails on the way; applied again it finishes', async () => {
    // Only the platform knows how much all expressions together may be: each of these is 900 parts of its 10000.
    const large = Array.from({ length: 12 }, (_, at) => ({ kind: 'regex', regex: `[a-z]{1,450}${at}` }));
    const value = (count: number): object => ({ projects: [{ name: 'half', keys: [{ name: 'k' }] }], filter_rules: [...large.slice(0, count), { words: ['otter'] }] });
    const failed = await sluice(['apply', '-f', write(value(12)), '--yes', '--json']);
    expect(failed).toMatchObject({ code: 1, stderr: expect.stringMatching(/Done:\n {2}\+ project half\n {2}\+ key k of project half\n(?: {2}\+ rule \(block regex, both\)\n){11}Failed:\n {2}\+ rule \(block regex, both\)\nNot done:\n {2}\+ rule \(block word, both\)\nMend what was refused, then apply the file again/) });
    const told = JSON.parse(failed.stdout) as { changes: { outcome: string }[]; keys: { secret: string }[] };
    expect([told.changes.map(({ outcome }) => outcome), told.keys.map(({ secret }) => secret.slice(0, 10))]).toEqual([[...Array.from({ length: 13 }, () => 'done'), 'failed', 'not done'], ['sk-sluice-']]);
    expect(await sluice(['apply', '-f', write(value(11)), '--yes'])).toMatchObject({ code: 0, stdout: expect.stringContaining('1 to add, 0 to change, 0 to remove.') });
    expect(await sluice(['apply', '-f', write(value(11)), '--dry-run'])).toMatchObject({ code: 0 });
  }, 60_000);

  it('tells all faults of a file in one run, of every kind and by their lines, also with --dry-run, and changes nothing', async () => {
    const text = [
      'sluice: 1', 'organisation: {currency: dollar}', 'projects: [{name: faulty, bodies: digest}, {name: other, keys: [{name: a, expires_at: "2020-01-01T00:00:00Z"}]}]',
      'models:', '  - {name: bad name!, deployments: [{openai: http://127.0.0.1:9/v1}]}', '  - {name: m, deployments: [{openai: nowhere}, {openai: http://127.0.0.1:9/v1, api_key_from: {env: NOT_SET}}]}', '  - {name: m, aliases: [x]}',
      'filter_rules:', '  - {kind: regex, regex: (a+}', '  - {words: [x], colour: red}', 'parameter_rules: [{parameter: speed, max: 1}]',
    ].join('\n');
    for (const how of ['--dry-run', '--yes']) {
      const { code, stdout, stderr } = await sluice(['apply', '-f', '-', how], { stdin: text });
      expect([code, stdout, stderr.trimEnd().split('\n').map((line) => line.replace(/: must .*/, ': must'))]).toEqual([1, '', [
        'sluice: standard input has 9 faults; nothing was changed:', '  line 2: organisation.currency: must', '  line 3: projects[1].keys[0].expires_at: is in the past, and there is no such key yet',
        '  line 5: models[0].name: may hold letters, digits, `.`, `_`, `-`, `:` and single `/` between them', '  line 6: models[1].deployments[0].openai: must',
        '  line 6: models[1].deployments[1].api_key_from: the environment variable NOT_SET is not set', '  line 7: models[2].name: stands here for the second time', '  line 9: filter_rules[0].regex: Unterminated group, at position 3', '  line 10: filter_rules[1].colour: there is no such field', '  line 11: parameter_rules[0].parameter: must',
      ]]);
    }
    expect((await readPlatform(api)).projects.some(({ name }) => name === 'faulty')).toBe(false);
  });

  it('asks nobody where nobody is, and changes nothing', async () => {
    const file = write({ projects: [{ name: 'never' }] });
    expect(await sluice(['apply', '-f', file])).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('--yes') });
    expect(await sluice(['apply'])).toMatchObject({ code: 2, stderr: expect.stringContaining("'-f, --file <file>'") });
    expect(await sluice(['apply', '-f', path('none.yaml'), '--dry-run'])).toMatchObject({ code: 1, stderr: expect.stringContaining('There is no file') });
    expect(await sluice(['apply', '-f', '-', '--yes'], { stdin: 'sluice: 1\nrubbish: 1\n' })).toMatchObject({ code: 1, stderr: expect.stringContaining('standard input has a fault; nothing was changed:\n  line 2: rubbish: there is no such field') });
    expect((await readPlatform(api)).projects.some(({ name }) => name === 'never')).toBe(false);
  });

  it('asks on a terminal, in colours; what is no yes changes nothing', async () => {
    const file = write({ organisation: { limits: { requests_per_day: 9 } }, projects: [{ name: 'asked' }] });
    // A terminal of its own, in which somebody types when they are asked.
    const typing = async (answer: () => Promise<string>, env: Record<string, string> = {}): Promise<{ status: number | null; stdout: string }> => {
      const child = spawn('python3', ['-c', 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)', process.execPath, ...CLI_WORDS, 'apply', '-f', file, '--data', house.data], { env: cleanEnvironment(env), stdio: ['pipe', 'pipe', 'inherit'] });
      let stdout = '';
      const asked = new Promise<void>((resolve) => child.stdout.setEncoding('utf8').on('data', (text: string) => {
        stdout += text;
        if (stdout.includes('[y/N]')) resolve();
      }));
      await asked;
      child.stdin.write(await answer());
      return { status: ((await once(child, 'close')) as [number | null])[0], stdout };
    };
    const refused = await typing(async () => 'n\n', { NO_COLOR: '1' });
    expect(refused).toMatchObject({ status: 1, stdout: expect.stringMatching(/^\+ project asked\r\n[\s\S]*Apply these changes\? \[y\/N\][\s\S]*Nothing was changed\./) });
    expect((await readPlatform(api)).projects.some(({ name }) => name === 'asked')).toBe(false);
    // Somebody else is quicker than the one who is asked.
    const meanwhile = await typing(async () => {
      await api.send('PUT', '/limits', z.unknown(), { level: 'organisation', id: (await readPlatform(api)).organisationId, requests_per_day: 7 });
      return 'y\n';
    });
    expect(meanwhile).toMatchObject({ status: 1, stdout: expect.stringContaining('The platform was changed while you were asked.') });
    expect((await readPlatform(api)).limits.find(({ level }) => level === 'organisation')?.requests_per_day).toBe(7);
    expect(await typing(async () => 'y\n')).toMatchObject({ status: 0, stdout: expect.stringMatching(/\u001b\[32m\+ project asked[\s\S]*Done: 2 changes\./) });
    expect((await readPlatform(api)).projects.some(({ name }) => name === 'asked')).toBe(true);
  });

  it('is no file where there can be none, and that is told as it is', async () => {
    expect(await sluice(['export', '-o', '/proc/x'])).toMatchObject({ code: 1, stderr: 'sluice: /proc takes no file, so /proc/x cannot be there (ENOENT). Give another path.\n' });
  });

  it('writes keys into no file that others may have, and says so before it changes anything', async () => {
    const file = write({ projects: [{ name: 'default', keys: [{ name: 'unwritten' }] }] });
    expect((await sluice(['apply', '-f', file, '--yes', '--keys-out', '/dev/null'])).stderr).toContain('keys are not written there');
    expect(await sluice(['apply', '-f', file, '--yes', '--keys-out', path('nodir/k')])).toMatchObject({ code: 1, stderr: expect.stringContaining(`There is no folder ${path('nodir')}`) });
    writeFileSync(path('open.jsonl'), '', { mode: 0o644 });
    expect((await readPlatform(api)).keys.some(({ name }) => name === 'unwritten')).toBe(false);
    expect(await sluice(['apply', '-f', file, '--yes', '--keys-out', path('open.jsonl')])).toMatchObject({ code: 0 });
    expect(statSync(path('open.jsonl')).mode & 0o777).toBe(0o600);
    rmSync(path('open.jsonl'));
  });
});

/** Names that YAML could take for something else, or that need quotes. */
const NAMES = ['plain', 'yes', '1e3', '- a: b', "it's #1", '敏感词', '~', ' lead', '{x}', '"q"'];
const oneOf = <T>(values: readonly T[]) => fc.constantFrom(...values);
const some = <T>(values: readonly T[]) => fc.subarray([...values]);
const limits = fc.record({ requests_per_minute: fc.integer({ min: 0, max: 1000 }), concurrent_requests: fc.integer({ min: 1, max: 9 }), tokens_per_minute: fc.constant(null) }, { requiredKeys: [] });
const amount = fc.oneof(fc.nat(), fc.bigInt({ min: 0n, max: 10n ** 17n }).map(String));
const budget = fc.option(fc.record({ amount, period: oneOf(['day', 'month', 'none']) }), { nil: null });
const settings = { limits, budget };
/** What cannot be changed of a key or a project hangs on its name. */
const keys = some(NAMES).chain((names) => fc.tuple(...names.map((name) => fc.record({ name: fc.constant(name), models: fc.constant(name.length % 2 === 0 ? ['m1'] : []), ...settings }, { requiredKeys: ['name', 'models'] }))));
const projects = some(NAMES).chain((names) => fc.tuple(...names.map((name) => fc.record({ name: fc.constant(name), bodies: fc.constant(name.length % 2 === 0 ? 'sent' : 'digest'), ...settings, keys }, { requiredKeys: ['name', 'bodies'] }))));
const price = fc.record({ input: fc.nat(10 ** 9), output: fc.nat(10 ** 9), reasoning: fc.nat(10 ** 9) }, { requiredKeys: ['input', 'output'] });
const models = some(['m2', 'm3:latest', 'org/m4']).chain((names) => fc.tuple(...['m1', ...names].map((name) => fc.record({ name: fc.constant(name), aliases: some([`${name}-a`, `${name}-b`]), deployments: fc.constant([{ openai: 'http://127.0.0.1:9/v1', upstream_model: name }]), price }, { requiredKeys: ['name', 'deployments'] }))));
const rule = fc.record({ title: oneOf(['one', 'two', 'three']), action: oneOf(['block', 'mask', 'flag']), direction: oneOf(['in', 'out', 'both']) });
const filterRules = fc.uniqueArray(fc.tuple(rule, fc.uniqueArray(oneOf(['x-ray', '# hash', 'a: b', 'null', '1.0', 'ü']), { minLength: 1 })).map(([said, words]) => ({ ...said, words: words.toSorted() })), { maxLength: 3, selector: ({ title: _, ...said }) => JSON.stringify(said) });
const parameterRules = some(['temperature', 'top_p', 'max_tokens']).chain((names) => fc.tuple(...names.map((parameter) => fc.record({ parameter: fc.constant(parameter), max: fc.constant(1), model: fc.constant('m1'), on_violation: oneOf(['clip', 'refuse']) }, { requiredKeys: ['parameter', 'max'] }))));
const anyFile = fc.record({ organisation: fc.record(settings, { requiredKeys: [] }), models, projects, filter_rules: filterRules, parameter_rules: parameterRules });

describe('any file', () => {
  it('is what the platform becomes, whatever it was; what is written out then differs in nothing', async () => {
    let changed = 0;
    await fc.assert(
      fc.asyncProperty(anyFile, async (value) => {
        const text = stringify({ sluice: 1, ...value });
        const { steps } = await planOf(text);
        const { failure } = await runPlan(api, steps, { signal: new AbortController().signal, keepKey: () => undefined, begin: () => undefined });
        expect(failure?.message).toBeUndefined();
        changed += steps.length;
        expect((await planOf(text)).steps.map(({ what, details }) => [what, details])).toEqual([]);
        const written = exportFile(await readPlatform(api));
        expect(written.unsaid).toEqual([]);
        expect((await planOf(written.text)).steps.map(({ what, details }) => [what, details])).toEqual([]);
        expect(exportFile(await readPlatform(api)).text).toBe(written.text);
      }),
      { numRuns: 8 },
    );
    expect(changed).toBeGreaterThan(100);
  }, 120_000);
});
