import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiServer } from '../testing/api-server.ts';
import { runCli, type CliResult } from '../testing/run-cli.ts';

const RULE = {
  object: 'filter.rule', id: 'rule_1', project_id: null, kind: 'word', action: 'block', direction: 'both', title: 'keyword rule', patterns: ['badger'], pattern_count: 1,
  created_at: '2026-11-22T10:00:00.000Z', policy_version: 3,
};
const HIT = { rule_id: 'rule_1', kind: 'word', action: 'mask', direction: 'in', start: 2, end: 8 };
const TRIAL = { object: 'filter.trial', text: 'a ****** b', action: 'mask', rule_title: null, policy_version: 3, hits: [HIT] };
const STATS = { object: 'filter.stats', rule_id: 'rule_1', title: 'keyword rule', project_id: 'project_1', blocked: 2, masked: 0, flagged: 1, last_hit_at: '2026-11-22T10:00:00.000Z' };
const list = (data: object[], more = {}): object => ({ object: 'list', data, has_more: false, ...more });

const api = new ApiServer();
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'sluice-filter-'));
  await api.listen();
});
afterAll(async () => {
  await api.close();
  rmSync(folder, { recursive: true, force: true });
});
const sluice = (words: string[], stdin?: string): Promise<CliResult> => runCli(['filter', ...words], { env: api.environment, ...(stdin !== undefined && { stdin }) });
const lastBody = (): unknown => api.seen.at(-1)?.body;

describe('filter add', () => {
  beforeAll(() => void api.on('POST /admin/v1/filter/rules', { status: 201, json: RULE }));

  it('blocks a word, both ways and everywhere, when nothing else is said', async () => {
    const { code, stdout } = await sluice(['add', 'project bluebird']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'added rule_1: block word, both (keyword rule). It is in force.\n' });
    expect(lastBody()).toEqual({ kind: 'word', patterns: ['project bluebird'], action: 'block', direction: 'both' });
  });

  it('takes all that can be said of a rule', async () => {
    const { code, stdout } = await sluice(['add', 'tick(et)?-[0-9]{6}', '--kind', 'regex', '--action', 'mask', '--direction', 'out', '--project', 'project_1', '--title', 'tickets', '--json']);
    expect({ code, answer: JSON.parse(stdout) as unknown }).toEqual({ code: 0, answer: RULE });
    expect(lastBody()).toEqual({ kind: 'regex', patterns: ['tick(et)?-[0-9]{6}'], action: 'mask', direction: 'out', project_id: 'project_1', title: 'tickets' });
  });

  it('needs no word for personal data', async () => {
    expect((await sluice(['add', '--kind', 'pii:email', '--action', 'mask'])).code).toBe(0);
    expect(lastBody()).toEqual({ kind: 'pii:email', patterns: [], action: 'mask', direction: 'both' });
  });

  it('reads a list of words from a file, a word a line', async () => {
    const file = join(folder, 'words.txt');
    writeFileSync(file, '\uFEFFone\r\n  two words \n\n敏感\n');
    expect((await sluice(['add', '--words-file', file])).code).toBe(0);
    expect(lastBody()).toMatchObject({ patterns: ['one', 'two words', '敏感'] });
    writeFileSync(file, ' \n');
    expect(await sluice(['add', '--words-file', file])).toMatchObject({ code: 1, stderr: expect.stringContaining('holds no word') });
    writeFileSync(file, Buffer.of(0xff, 0xfe));
    expect(await sluice(['add', '--words-file', file])).toMatchObject({ code: 1, stderr: expect.stringContaining('UTF-8') });
    const missing = await sluice(['add', '--words-file', join(folder, 'none.txt')]);
    expect(missing).toMatchObject({ code: 1, stderr: `sluice: There is no file ${join(folder, 'none.txt')}.\n` });
    expect(await sluice(['add', '--words-file', folder])).toMatchObject({ code: 1, stderr: `sluice: ${folder} is a folder where a file should be. Give another path.\n` });
  });

  it('ends with 2 for what makes no sense, and asks nobody', async () => {
    const before = api.seen.length;
    const wrong: readonly (readonly [string[], string])[] = [
      [['add'], '--words-file'],
      [['add', ' '], 'Give a word'],
      [['add', '--kind', 'regex'], 'regular expression'],
      [['add', 'x', '--kind', 'pii:email'], 'give no word'],
      [['add', 'x', '--words-file', 'f'], 'not both'],
      [['add', '--kind', 'regex', '--words-file', 'f'], 'each regular expression'],
      [['add', '--kind', 'pii:name'], 'cn_id'],
      [['add', 'x', '--kind', 'regex', '--action', 'allow'], 'for words'],
      [['stats', '--since', 'monday'], '2026-01-31'],
      [['stats', '--since', '2026-02-31'], '2026-01-31'],
    ];
    const refused = await Promise.all(wrong.map(async ([words, message]) => ({ words, message, ...(await sluice(words)) })));
    for (const { words, message, code, stdout, stderr } of refused) expect({ words, code, stdout, stderr }).toEqual({ words, code: 2, stdout: '', stderr: expect.stringContaining(message) });
    expect(api.seen.length).toBe(before);
  }, 30_000);
});

describe('filter list and remove', () => {
  it('shows what rules look for, a long list by its count, and says what it means that there is none', async () => {
    const many = { ...RULE, id: 'rule_2', patterns: ['a', 'b', 'c', 'd', 'e'], pattern_count: 5, title: 'many\u001b' };
    const long = { ...RULE, id: 'rule_3', patterns: null, pattern_count: 50_000, project_id: 'project_1', action: 'mask', direction: 'out' };
    const mail = { ...RULE, id: 'rule_4', kind: 'pii:email', patterns: [], pattern_count: 0, title: 'pii:email' };
    api.on('GET /admin/v1/filter/rules', { json: list([RULE, many, long, mail], { policy_version: 3 }) });
    const { stdout } = await sluice(['list', '--project', 'project_1']);
    expect(api.seen.at(-1)?.url).toBe('/admin/v1/filter/rules?project_id=project_1');
    expect(stdout).toMatch(/rule_1 +word +block +both +\(every\) +keyword rule +badger\n/);
    expect(stdout).toMatch(/rule_2 .*many\\x1b +a, b, c, and 2 more\n/);
    expect(stdout).toMatch(/rule_3 +word +mask +out +project_1 +keyword rule +50000 words\n/);
    expect(stdout).toMatch(/rule_4 +pii:email .*pii:email +-\n/);
    expect((JSON.parse((await sluice(['list', '--json'])).stdout) as { data: object[] }).data).toHaveLength(4);
    api.on('GET /admin/v1/filter/rules', { json: list([], { policy_version: 0 }) });
    expect((await sluice(['list'])).stdout).toContain('everything passes');
  });

  it('removes a rule', async () => {
    api.on('DELETE /admin/v1/filter/rules/rule_1', { json: { ...RULE, deleted: true } });
    expect((await sluice(['remove', 'rule_1'])).stdout).toBe('removed rule_1 (keyword rule)\n');
  });
});

describe('filter try', () => {
  it('prints what would leave, and beside it what was found', async () => {
    api.on('POST /admin/v1/filter/try', { json: TRIAL });
    expect(await sluice(['try', 'a badger b', '--project', 'project_1', '--direction', 'out'])).toEqual({ code: 0, stdout: 'a ****** b\n', stderr: 'rule_1 (word) at 2 to 8: mask\nMasked:\n' });
    expect(lastBody()).toEqual({ text: 'a badger b', direction: 'out', project_id: 'project_1' });
    expect((await sluice(['try', '-', '--json'], 'from a pipe'))).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('"rule_1"') });
    expect(lastBody()).toEqual({ text: 'from a pipe', direction: 'in' });
  });

  it('tells a blocked text, a flagged one and one that passes apart', async () => {
    api.on('POST /admin/v1/filter/try', { json: { ...TRIAL, action: 'block', rule_title: 'house rule', text: 'a ' } });
    expect((await sluice(['try', 'x'])).stderr).toContain('Blocked: house rule.');
    api.on('POST /admin/v1/filter/try', { json: { ...TRIAL, action: 'flag' } });
    expect((await sluice(['try', 'x'])).stderr).toContain('Flagged');
    api.on('POST /admin/v1/filter/try', { json: { ...TRIAL, action: null, hits: [], text: 'x\u001b' } });
    expect(await sluice(['try', 'x'])).toMatchObject({ stdout: 'x\\x1b\n', stderr: expect.stringContaining('No rule matches') });
  });
});

describe('filter stats', () => {
  it('shows how often each rule spoke', async () => {
    api.on('GET /admin/v1/filter/stats', { json: list([STATS]) });
    expect((await sluice(['stats', '--since', '2026-11-01', '--project', 'project_1'])).stdout).toMatch(/rule_1 +keyword rule +project_1 +2 +0 +1 +2026-11-22T10:00:00\.000Z/);
    expect(api.seen.at(-1)?.url).toBe('/admin/v1/filter/stats?project_id=project_1&since=2026-11-01T00%3A00%3A00.000Z');
    api.on('GET /admin/v1/filter/stats', { json: list([]) });
    expect((await sluice(['stats'])).stdout).toBe('No rule has spoken.\n');
  });
});
