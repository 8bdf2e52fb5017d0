import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout } from 'node:timers/promises';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { Channel } from '@sluice/proto/chat/v1/chat';
import { AccessService } from '@sluice/proto/access/v1/access';
import { Action, Direction, FilterRequestSchema, type AddRuleRequestSchema, type AddRuleResponse } from '@sluice/proto/content_filter/v1/content_filter';
import { AdminActedSchema, type AdminActed } from '@sluice/proto/events/v1/calls';
import type { Implementation } from '@sluice/rpc';
import { MAX_EXPRESSION_PARTS, MAX_PATTERNS, MAX_PROJECTS, MAX_RULES } from './domain/add-rule.ts';
import { MAX_CHARACTERS } from './domain/check-rule.ts';
import { House, type Running } from './testing/house.ts';
import { threadsStarted } from './testing/threads.ts';

const code = (name: string, param?: string) => expect.objectContaining({ code: name, ...(param === undefined ? {} : { param }) });
const actor = { keyId: 'owner', organisationId: 'org' };

describe('rules of the filter', () => {
  let house: House;
  let running: Running;
  beforeEach(async () => {
    house = await House.build();
    running = await house.start();
  });
  afterEach(async () => { await house[Symbol.asyncDispose](); });

  const add = (patterns: string[], more: MessageInitShape<typeof AddRuleRequestSchema> = {}, at = running): Promise<AddRuleResponse> =>
    at.filter.addRule({ actor, kind: 'word', patterns, action: Action.BLOCK, ...more } as MessageInitShape<typeof AddRuleRequestSchema>);
  const list = (projectId = '', organisationId = 'org') => running.filter.listRules({ organisationId, projectId });
  const outcome = async (text: string, projectId = 'ours', at = running): Promise<Action> => (await at.filter.try({ organisationId: 'org', projectId, text, direction: Direction.IN })).action;

  it('are in force when the answer comes, everywhere or in one project, until they are removed', async () => {
    const { rule, policyVersion } = await add(['badger']);
    expect(rule).toMatchObject({
      organisationId: 'org', projectId: '', kind: 'word', patterns: ['badger'], patternCount: 1, action: Action.BLOCK, direction: Direction.BOTH, title: 'keyword rule',
      createdAtMs: BigInt(house.clock.wallMs()),
    });
    const ours = await add(['otter'], { action: Action.MASK, projectId: 'ours', direction: Direction.IN, title: 'house rule' });
    expect([policyVersion, ours.policyVersion, ours.rule!.title]).toEqual([1n, 2n, 'house rule']);
    expect([await outcome('a badger'), await outcome('an otter'), await outcome('a badger', 'second'), await outcome('an otter', 'second')]).toEqual([Action.BLOCK, Action.MASK, Action.BLOCK, Action.UNSPECIFIED]);
    const removed = await running.filter.removeRule({ actor, ruleId: rule!.id });
    expect(removed).toMatchObject({ policyVersion: 3n, rule: { id: rule!.id, patterns: [], patternCount: 1 } });
    expect([await outcome('a badger'), await outcome('an otter')]).toEqual([Action.UNSPECIFIED, Action.MASK]);
    await expect(running.filter.removeRule({ actor, ruleId: rule!.id })).rejects.toEqual(code('not_found', 'rule_id'));
  });

  it('are in force in every process, and after a restart', async () => {
    const other = await house.start();
    await add(['badger']);
    // The other process hears of it from the log; nothing else tells it.
    for (let asked = 0; asked < 1_000 && (await outcome('a badger', 'ours', other)) !== Action.BLOCK; asked++) await setTimeout(5);
    expect(await outcome('a badger', 'ours', other)).toBe(Action.BLOCK);
    await running.stop();
    const next = await house.start();
    expect(await outcome('a badger', 'ours', next)).toBe(Action.BLOCK);
    expect((await add(['otter'], {}, next)).policyVersion).toBe(2n);
  });

  it('are listed, those of a project with those that hold there too', async () => {
    await add(['badger']);
    await add(['otter'], { projectId: 'ours' });
    await add(['stoat'], { projectId: 'second' });
    await add([], { kind: 'pii:email', action: Action.MASK });
    const kinds = async (projectId?: string) => (await list(projectId)).rules.map(({ kind, patterns }) => patterns[0] ?? kind);
    expect(await kinds()).toEqual(['badger', 'otter', 'stoat', 'pii:email']);
    expect(await kinds('ours')).toEqual(['badger', 'otter', 'pii:email']);
    expect(await list()).toMatchObject({ policyVersion: 4n });
    expect(await list('', 'other')).toMatchObject({ policyVersion: 0n, rules: [] });
  });

  it('tell a long list by its count alone, and all of it where one rule is asked for', async () => {
    const words = Array.from({ length: 21 }, (_, index) => `badger${index}`);
    await add(words.slice(1));
    const { rule } = await add(words);
    expect(rule).toMatchObject({ patterns: [], patternCount: 21 });
    expect((await list()).rules.map(({ patterns, patternCount }) => [patterns.length, patternCount])).toEqual([[20, 20], [0, 21]]);
    expect((await running.filter.getRule({ organisationId: 'org', ruleId: rule!.id })).rule).toEqual({ ...rule!, patterns: words });
    for (const [organisationId, ruleId] of [['other', rule!.id], ['org', 'rule_none']] as const) {
      await expect(running.filter.getRule({ organisationId, ruleId })).rejects.toEqual(code('not_found', 'rule_id'));
    }
    await running.filter.removeRule({ actor, ruleId: rule!.id });
    await expect(running.filter.getRule({ organisationId: 'org', ruleId: rule!.id })).rejects.toEqual(code('not_found', 'rule_id'));
  });

  it('may be 50,000 words, built beside the event loop; what is in force goes on meanwhile', async () => {
    await add(['badger']);
    const words = Array.from({ length: 50_000 }, (_, index) => `敏感词${index.toString(36)}z`);
    const met: Action[] = [];
    let isAdding = true;
    const asking = (async () => {
      for (; isAdding; await setTimeout(1)) met.push(await outcome('a badger'));
    })();
    const [threads, { rule, policyVersion }] = await threadsStarted(() => add(words).finally(() => (isAdding = false)));
    await asking;
    expect([threads, rule!.patternCount, policyVersion]).toEqual([1, 50_000, 2n]);
    expect([new Set(met), met.length > 1]).toEqual([new Set([Action.BLOCK]), true]);
    expect([await outcome(`an ${words[49_999]}`), await outcome('a 敏感词'), await outcome('a badger')]).toEqual([Action.BLOCK, Action.UNSPECIFIED, Action.BLOCK]);
    // A change beside it does not build the list again.
    expect((await threadsStarted(() => add(['otter'])))[0]).toBe(0);
    expect([await outcome(`an ${words[49_999]}`), await outcome('an otter')]).toEqual([Action.BLOCK, Action.BLOCK]);
  });

  it('are refused, and nothing of them is kept, when there is no room for their words; what is in force goes on', async () => {
    await add(['badger']);
    const before = await list();
    const alike = Array.from({ length: 300 }, (_, index) => `z${'a'.repeat(1 + index % 20)}${'b'.repeat(1 + Math.floor(index / 20))}z`);
    await expect(add(alike)).rejects.toMatchObject({ code: 'invalid_value', param: 'patterns' });
    expect(await list()).toEqual(before);
    expect([await outcome('a badger'), await outcome(`a ${alike[0]}`)]).toEqual([Action.BLOCK, Action.UNSPECIFIED]);
  });

  it('pin a call: one that began before a change ends by the rules it began with', async () => {
    await add(['badger']);
    const next = Promise.withResolvers<void>();
    const say = (text: string, last = false) => create(FilterRequestSchema, { step: { case: 'output', value: { events: [{ event: { case: 'delta', value: { channel: Channel.CONTENT, text } } }], last } } });
    const messages = Buffer.from('[{"role":"user","content":"hello"}]');
    const requests = (async function* () {
      yield create(FilterRequestSchema, { step: { case: 'input', value: { callId: 'call', organisationId: 'org', projectId: 'ours', call: { model: 'm', choices: 1, messages } } } });
      await next.promise;
      yield say('an otter ');
      yield say('and a badger ', true);
    })();
    const answers: string[] = [];
    const reading = (async () => {
      for await (const { step } of running.filter.filter(requests)) {
        if (step.case === 'verdict') answers.push(`version ${step.value.policyVersion}`);
        else for (const { event } of step.value!.events) answers.push(event.case === 'delta' ? event.value.text : event.case === 'finished' ? event.value.reason : event.case!);
      }
    })();
    for (let turn = 0; turn < 1_000 && answers.length === 0; turn++) await setTimeout(1);
    await add(['otter']);
    expect(await outcome('an otter')).toBe(Action.BLOCK);
    next.resolve();
    await reading;
    expect(answers.join('|')).toBe('version 1|an otter |and a |content_filter');
  });

  it('are refused with the position when an expression is not linear, and when the title tells too much', async () => {
    await expect(add(['a(b|c)\\1'], { kind: 'regex' })).rejects.toMatchObject({ code: 'invalid_value', param: 'patterns', message: expect.stringContaining('position 6') });
    await expect(add(['badger'], { title: 'no badgers' })).rejects.toEqual(code('invalid_value', 'title'));
    await expect(add(['\u200b'])).rejects.toEqual(code('invalid_value', 'patterns'));
    expect(await list()).toMatchObject({ policyVersion: 0n, rules: [] });
    // The title that is given when none was says nothing, whatever the word.
    await add(['keyword']);
    await add(['tick(et)?-[0-9]+'], { kind: 'regex' });
    expect(await outcome('of ticket-17 ')).toBe(Action.BLOCK);
  });

  it('are of those who may change them, in an organisation and a project that there are', async () => {
    for (const stranger of [{ ...actor, keyId: 'auditor' }, { ...actor, organisationId: 'nowhere' }]) {
      await expect(add(['badger'], { actor: stranger })).rejects.toEqual(code('insufficient_permissions'));
      await expect(running.filter.removeRule({ actor: stranger, ruleId: 'rule' })).rejects.toEqual(code('insufficient_permissions'));
    }
    await expect(add(['badger'], { projectId: 'theirs' })).rejects.toEqual(code('not_found', 'project_id'));
    const { rule } = await add(['badger']);
    const theirs = { keyId: 'their owner', organisationId: 'other' };
    await expect(running.filter.removeRule({ actor: theirs, ruleId: rule!.id })).rejects.toEqual(code('not_found', 'rule_id'));
    await add(['stoat'], { actor: theirs });
    expect((await list()).rules.map(({ id }) => id)).toEqual([rule!.id]);
    expect(await outcome('a stoat')).toBe(Action.UNSPECIFIED);
    for (const unnamed of [running.filter.listRules({}), running.filter.getStats({}), running.filter.getRule({}), running.filter.addRule({ kind: 'word' })]) await expect(unnamed).rejects.toEqual(code('missing_required_parameter'));
  });

  it('stay as they are while access does not answer', async () => {
    const slow = await house.startAlone();
    await expect(add(['badger'], {}, slow)).rejects.toEqual(code('access_unavailable'));
    slow.platform.serve(AccessService, { authorise: async () => ({}), listProjects: () => new Promise(() => undefined) } as unknown as Implementation<typeof AccessService>);
    await expect(add(['badger'], { projectId: 'ours' }, slow)).rejects.toEqual(code('access_unavailable'));
    expect(await list()).toMatchObject({ policyVersion: 0n, rules: [] });
  });

  it('do the same thing once', async () => {
    const { rule } = await add(['badger', 'otter']);
    const again = await add([' badger', 'otter ', 'badger']).catch((thrown: unknown) => thrown);
    expect(again).toEqual(code('already_exists', 'patterns'));
    expect(String(again)).toContain(rule!.id);
    await add(['badger', 'otter'], { projectId: 'ours' });
    await add(['badger', 'otter'], { action: Action.FLAG });
    await running.filter.removeRule({ actor, ruleId: rule!.id });
    expect((await add(['badger', 'otter'])).policyVersion).toBe(5n);
  });

  it('stop at their limits', async () => {
    const sql = house.sql('content_filter');
    const fill = (from: number, to: number, count: number, project: string | null) => sql.query(
      `insert into rule (id, organisation_id, project_id, kind, patterns, pattern_count, digest, action, direction, title, created_at_ms, added_version)
       select 'fill' || n, 'org', $4 || n, 'word', 'w' || n, $3, decode(lpad(to_hex(n), 8, '0'), 'hex'), 'flag', 'in', 't', 1, 1 from generate_series($1::int, $2::int) as n`,
      [from, to, count, project]);
    await add(['badger'], { projectId: 'ours' });
    await fill(1, MAX_PROJECTS - 1, 1, 'p');
    await expect(add(['otter'], { projectId: 'second' })).rejects.toEqual(code('failed_precondition'));
    await add(['otter'], { projectId: 'ours' });
    await fill(1_000, 1_000, MAX_PATTERNS - 202, null);
    await expect(add(['stoat', 'weasel'])).rejects.toEqual(code('failed_precondition'));
    await add(['stoat']);
    await fill(2_000, 2_000 + MAX_RULES - MAX_PROJECTS - 3, 0, null);
    await expect(add([], { kind: 'pii:ip' })).rejects.toEqual(code('failed_precondition'));
  });

  it('stop at the characters of all words that are in force', async () => {
    await add(['ab'], { projectId: 'ours' });
    await house.sql('content_filter').query(
      `insert into rule (id, organisation_id, kind, patterns, pattern_count, digest, action, direction, title, created_at_ms, added_version)
       select 'fill', 'org', 'word', string_agg(repeat(chr(134071), 100), chr(10)), count(*), decode('00', 'hex'), 'flag', 'in', 't', 1, 1 from generate_series(1, ${MAX_CHARACTERS / 100 - 1})`);
    const refusal = await add([`x${'y'.repeat(96)}z`, 'c']).catch((thrown: unknown) => thrown);
    expect(refusal).toEqual(code('failed_precondition', 'patterns'));
    expect(String(refusal)).toMatch(/at most 2000000 characters together; these have 99, and those in force have 1999902/);
    await add([`x${'y'.repeat(96)}z`]);
  });

  it('stop at the parts of all regular expressions that are in force', async () => {
    const regex = (pattern: string) => add([pattern], { kind: 'regex' });
    const large = Math.floor(MAX_EXPRESSION_PARTS / 1_000);
    for (let index = 0; index < large; index++) await regex(`[a-z]{990}${String(index).padStart(2, '0')}`);
    const refusal = await regex('[0-9]{200}').catch((thrown: unknown) => thrown);
    expect(refusal).toEqual(code('failed_precondition', 'patterns'));
    expect(String(refusal)).toMatch(/this one has 201, and those in force have 9930/);
    await regex('[0-9]{20}');
    await running.filter.removeRule({ actor, ruleId: (await list()).rules[0]!.id });
    await regex('[0-9]{200}');
  });

  it('are never rewritten, and tell what was in force at any version', async () => {
    const { rule } = await add(['badger']);
    await add(['otter']);
    await running.filter.removeRule({ actor, ruleId: rule!.id });
    const sql = house.sql('content_filter');
    const at = async (version: number) => (await sql.query<{ patterns: string }>(
      'select patterns from rule where added_version <= $1 and coalesce(removed_version > $1, true) order by id', [version])).map(({ patterns }) => patterns);
    expect([await at(0), await at(1), await at(2), await at(3)]).toEqual([[], ['badger'], ['badger', 'otter'], ['otter']]);
    for (const text of [`update rule set patterns = 'x'`, `update rule set removed_version = null, removed_at_ms = null`, 'delete from rule', 'truncate rule']) {
      await expect(sql.query(text)).rejects.toThrow(/never changed/);
    }
  });

  it('leave a record of who changed what, with a digest of the words and never a word', async () => {
    const { rule } = await add(['badger', 'otter'], { projectId: 'ours', title: 'house rule' });
    await running.filter.removeRule({ actor, ruleId: rule!.id });
    const acts: AdminActed[] = [];
    const reader = house.events.follow(AdminActedSchema, 0n, { onRecord: ({ message }) => void acts.push(message), onBeat: () => undefined });
    await reader.caughtUp();
    await reader.stop();
    expect(acts.map(({ action, object }) => [action, object])).toEqual([['filter.rule_added', `filter_rule:${rule!.id}`], ['filter.rule_removed', `filter_rule:${rule!.id}`]]);
    for (const act of acts) expect(act).toMatchObject({ actor, organisationId: 'org', actedAtMs: BigInt(house.clock.wallMs()) });
    const told = '"direction":"both","kind":"word","pattern_count":2,"project_id":"ours","title":"house rule"';
    // printf 'badger\notter' | sha256sum
    expect(acts[0]!.detailJson).toBe(`{"action":"block","digest":"sha256:3ec49fe8cbf1b8111c9d95230854c6837da2d7976edf07d04189a9bb6977045f",${told}}`);
    expect(acts[1]!.detailJson).toBe(`{"action":"block",${told}}`);
  });
});
