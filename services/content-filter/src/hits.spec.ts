import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout } from 'node:timers/promises';
import { Channel } from '@sluice/proto/chat/v1/chat';
import { Action, Direction, type FilterResponse, type RuleStats } from '@sluice/proto/content_filter/v1/content_filter';
import { FilterHitsSchema, type FilterHits } from '@sluice/proto/events/v1/changes';
import { givenAway } from '@sluice/testkit';
import { House, type Running } from './testing/house.ts';

const actor = { keyId: 'owner', organisationId: 'org' };
const WORDS = ['badgerplanted', 'otterplanted'] as const;
const DAY_MS = 86_400_000;

describe('what the filter found', () => {
  let house: House;
  let running: Running;
  const rules: Record<string, string> = {};
  const told: FilterHits[] = [];
  let reader: { stop(): Promise<void>; caughtUp(): Promise<void> };

  beforeAll(async () => {
    house = await House.build();
    running = await house.start();
    const words = { badger: [WORDS[0], Action.BLOCK], otter: [WORDS[1], Action.MASK], shrew: ['shrew', Action.FLAG] } as const;
    for (const [name, [word, action]] of Object.entries(words)) rules[name] = (await running.filter.addRule({ actor, kind: 'word', patterns: [word], action, title: `rule ${name.length}${name[0]}` })).rule!.id;
    reader = house.events.follow(FilterHitsSchema, 0n, { onRecord: ({ message }) => void told.push(message), onBeat: () => undefined });
  });
  afterAll(async () => {
    await reader.stop();
    await house[Symbol.asyncDispose]();
  });
  beforeEach(() => void (told.length = 0));

  /** One call that says this; gives its verdict. */
  async function call(callId: string, content: string, projectId = 'ours', at = running): Promise<FilterResponse> {
    const messages = Buffer.from(JSON.stringify([{ role: 'user', content }]));
    const requests = (async function* () {
      yield { step: { case: 'input' as const, value: { callId, organisationId: 'org', projectId, call: { model: 'm', choices: 1, messages } } } };
    })();
    const answers = [];
    for await (const answer of at.filter.filter(requests)) answers.push(answer);
    expect(answers).toHaveLength(1);
    return answers[0]!;
  }

  /** Lets the journal write, and waits until it has. */
  async function written(calls: number): Promise<void> {
    for (let turn = 0; turn < 1_000 && told.length < calls; turn++) {
      house.clock.advance(250);
      await setTimeout(5);
      await reader.caughtUp();
    }
    expect(told).toHaveLength(calls);
  }

  /** The process sleeps; then it looks at nothing until it has heard which rules are in force. */
  async function sleepFor(ms: number): Promise<void> {
    house.clock.jump(ms);
    await expect(call('call of a sleeper', 'nothing')).rejects.toMatchObject({ code: 'content_filter_unavailable' });
    const isAwake = (): Promise<boolean> => call('call of one awake', 'nothing').then(() => true, () => false);
    for (let turn = 0; turn < 1_000 && !(await isAwake()); turn++) {
      house.clock.advance(250);
      await setTimeout(5);
    }
  }

  it('is told for each call, with all that may be known of it, and never the text', async () => {
    expect(await call('call 1', `a ${WORDS[1]} and an ${WORDS[1]}`)).toMatchObject({ step: { value: { action: Action.MASK, policyVersion: 3n } } });
    await call('call 2', 'nothing');
    await call('call 3', `a ${WORDS[0]}`);
    await written(2);
    expect(told).toMatchObject([{ callId: 'call 1', organisationId: 'org', projectId: 'ours', policyVersion: 3n, hitCount: 2, atMs: BigInt(told[0]!.atMs) }, { callId: 'call 3', hitCount: 1 }]);
    expect(told[0]!.hits).toMatchObject([{ ruleId: rules['otter'], kind: 'word', action: Action.MASK, direction: Direction.IN, channel: Channel.CONTENT, index: 0 }, {}]);
    const hashes = told.flatMap(({ hits }) => hits.map(({ textHash }) => Buffer.from(textHash).toString('hex')));
    expect(hashes[0]).toMatch(/^[0-9a-f]{64}$/);
    // The same text is the same hash, and no other text is.
    expect([hashes[1], hashes[2] === hashes[0]]).toEqual([hashes[0], false]);
  });

  it('is added up by rule, project and day', async () => {
    const before = await running.filter.getStats({ organisationId: 'org' });
    await Promise.all([call('call 4', 'a shrew'), call('call 5', 'a shrew', 'second'), call('call 6', `a shrew, a ${WORDS[1]}`)]);
    await written(3);
    await sleepFor(DAY_MS);
    await call('call 7', 'a shrew', 'second');
    await written(4);
    const counts = (stats: readonly RuleStats[], name: string, project: string): (bigint | string)[] => {
      const found = stats.find(({ ruleId, projectId }) => ruleId === rules[name] && projectId === project);
      return found ? [found.blocked, found.masked, found.flagged, found.title] : [];
    };
    const { rules: all } = await running.filter.getStats({ organisationId: 'org' });
    const masked = counts(before.rules, 'otter', 'ours')[1] as bigint;
    expect([counts(all, 'shrew', 'ours'), counts(all, 'shrew', 'second'), counts(all, 'otter', 'ours'), counts(all, 'badger', 'ours')]).toEqual([
      [0n, 0n, 2n, 'rule 5s'], [0n, 0n, 2n, 'rule 5s'], [0n, masked + 1n, 0n, 'rule 5o'], [1n, 0n, 0n, 'rule 6b'],
    ]);
    const of = async (filter: object) => (await running.filter.getStats({ organisationId: 'org', ...filter })).rules;
    expect(counts(await of({ sinceMs: BigInt(house.clock.wallMs()) }), 'shrew', 'second')).toEqual([0n, 0n, 1n, 'rule 5s']);
    expect((await of({ projectId: 'second' })).map(({ projectId }) => projectId)).toEqual(['second']);
    expect(all.find(({ projectId }) => projectId === 'second')!.lastHitMs).toBe(told.at(-1)!.atMs);
    expect(await running.filter.getStats({ organisationId: 'other' })).toMatchObject({ rules: [] });
  });

  it('is added up beyond the hundred hits that are told one by one', async () => {
    const flagged = async (name: string) => (await running.filter.getStats({ organisationId: 'org', projectId: 'ours' })).rules.find(({ ruleId }) => ruleId === rules[name]);
    const [shrews, otters] = [await flagged('shrew'), await flagged('otter')];
    await call('call of many hits', `${'a shrew, '.repeat(250)} ${`an ${WORDS[1]}, `.repeat(3)}`);
    await written(1);
    expect(told[0]).toMatchObject({ hitCount: 253, hits: { length: 100 } });
    expect([(await flagged('shrew'))!.flagged - shrews!.flagged, (await flagged('otter'))!.masked - otters!.masked]).toEqual([250n, 3n]);
  });

  it('is added up once, also by two processes at a time', async () => {
    const other = await house.start();
    const count = async () => (await running.filter.getStats({ organisationId: 'org', projectId: 'ours' })).rules.find(({ ruleId }) => ruleId === rules['shrew'])?.flagged ?? 0n;
    const before = await count();
    await Promise.all(Array.from({ length: 40 }, (_, index) => call(`call ${index} of many`, `a shrew, a ${WORDS[1]}`, 'ours', index % 2 ? other : running)));
    await written(40);
    expect((await count()) - before).toBe(40n);
    await other.stop();
  });

  it('is written when the service ends', async () => {
    const other = await house.start();
    await call('call 8', 'a shrew', 'ours', other);
    await other.stop();
    await reader.caughtUp();
    expect(told).toMatchObject([{ callId: 'call 8' }]);
  });

  it('does not hold a call up, nor fail it, when it cannot be written', async () => {
    const broken = await house.start({ events: new Proxy(house.events, { get: (target, name) => (name === 'publish' ? () => Promise.reject(new Error('power cut')) : bound(target, name)) }) });
    expect(await call('call 9', 'a shrew', 'ours', broken)).toMatchObject({ step: { value: { action: Action.FLAG } } });
    house.clock.advance(250);
    await broken.stop();
    await reader.caughtUp();
    expect(told).toEqual([]);
    expect(house.logged.join()).toContain('in no statistics');
  });

  it('lies in no row and no log line, but for the rule itself', async () => {
    const dump = (await house.everyRow()).split('\n').filter((row) => !row.startsWith('content_filter.rule ')).join('\n');
    expect(givenAway(WORDS, [dump, ...house.logged].join('\n'))).toEqual([]);
    // The dump would show it: it shows the project of the call, in a row and in an event.
    expect(dump).toContain(Buffer.from('second').toString('hex'));
  });
});

function bound(target: object, name: string | symbol): unknown {
  const member: unknown = Reflect.get(target, name);
  return typeof member === 'function' ? (member.bind(target) as unknown) : member;
}
