import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { setTimeout } from 'node:timers/promises';
import { rootKeyFrom } from '@sluice/envelope';
import { Action, Direction } from '@sluice/proto/content_filter/v1/content_filter';
import { House, type Running } from './testing/house.ts';

const actor = { keyId: 'owner', organisationId: 'org' };
const away = expect.objectContaining({ code: 'content_filter_unavailable' });

describe('a filter that does not know its rules', () => {
  let house: House;
  let running: Running;
  beforeEach(async () => {
    house = await House.build();
    running = await house.start();
  });
  afterEach(async () => { await house[Symbol.asyncDispose](); });

  const add = (word: string, at = running) => at.filter.addRule({ actor, kind: 'word', patterns: [word], action: Action.BLOCK });
  const outcome = async (text: string, organisationId = 'org', at = running): Promise<Action> => (await at.filter.try({ organisationId, projectId: 'ours', text, direction: Direction.IN })).action;
  const health = ({ platform } = running) => platform.health.report().checks['content-filter'];
  /** A rule that nobody could have added: its expression is none. */
  const spoil = () => house.sql('content_filter').query(
    `insert into rule (id, organisation_id, kind, patterns, pattern_count, digest, action, direction, title, created_at_ms, added_version)
     values ('rule_spoilt', 'org', 'regex', '(planted', 1, '', 'block', 'both', 't', 1, 1)`);

  it('starts, lets nothing of that organisation pass, says so in its health, and goes on when it can', async () => {
    await add('badger');
    await spoil();
    const next = await house.start();
    await expect(outcome('fine', 'org', next)).rejects.toEqual(away);
    expect(await outcome('fine', 'other', next)).toBe(Action.UNSPECIFIED);
    expect(health(next)).toMatchObject({ status: 'degraded', detail: 'the rules of 1 organisation could not be loaded; calls of these are refused' });
    // Where the rules of before are in force they stay, until there is a change.
    expect([await outcome('a badger'), health()]).toEqual([Action.BLOCK, { status: 'ok' }]);
    await next.filter.removeRule({ actor, ruleId: 'rule_spoilt' });
    expect(health(next)?.status).toBe('ok');
    expect([await outcome('a badger', 'org', next), await outcome('fine', 'org', next)]).toEqual([Action.BLOCK, Action.UNSPECIFIED]);
    expect(house.logged.join()).not.toContain('planted');
  });

  it('says that a change is kept and not in force, and then lets nothing pass rather than half of the rules', async () => {
    await add('badger');
    await spoil();
    const told = await add('otter').catch((thrown: unknown) => thrown);
    expect(told).toEqual(away);
    expect(String(told)).toMatch(/kept/);
    await expect(outcome('fine')).rejects.toEqual(away);
    expect((await running.filter.listRules({ organisationId: 'org' })).rules).toHaveLength(3);
  });

  it('lets nothing pass when it has heard nothing for 30 s, and goes on when it hears again', async () => {
    let isAway = false;
    const events = new Proxy(house.events, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== 'function') return member;
        return (...given: unknown[]) => (isAway && (name === 'beat' || name === 'position') ? Promise.reject(new Error('power cut')) : (member as (...given: unknown[]) => unknown).apply(target, given));
      },
    });
    await running.stop();
    const alone = await house.start({ events });
    await add('badger', alone);
    isAway = true;
    const wait = async (ms: number) => {
      for (let passed = 0; passed < ms; passed += 250) {
        house.clock.advance(250);
        await setTimeout(1);
      }
    };
    await wait(5_000);
    expect([await outcome('a badger', 'org', alone), health(alone)?.status]).toEqual([Action.BLOCK, 'degraded']);
    await wait(27_000);
    for (const organisation of ['org', 'other']) await expect(outcome('fine', organisation, alone)).rejects.toEqual(away);
    isAway = false;
    for (let turn = 0; turn < 1_000 && health(alone)?.status !== 'ok'; turn++) await wait(250);
    expect([await outcome('a badger', 'org', alone), await outcome('fine', 'other', alone)]).toEqual([Action.BLOCK, Action.UNSPECIFIED]);
  });

  it('does not start with another root key, and says so', async () => {
    await expect(house.start({ rootKey: rootKeyFrom(house.ids.randomBytes(32)) })).rejects.toMatchObject({ code: 'internal', message: expect.stringContaining('root key') });
  });
});

describe('the hash of what matched', () => {
  it('is the same after a restart, and another one in another organisation', async () => {
    await using house = await House.build();
    const hashes: string[] = [];
    for (let start = 0; start < 2; start++) {
      const running = await house.start();
      for (const each of [actor, { keyId: 'their owner', organisationId: 'other' }]) {
        if (start === 0) await running.filter.addRule({ actor: each, kind: 'word', patterns: ['badger'], action: Action.BLOCK });
        const call = { model: 'm', choices: 1, messages: Buffer.from('[{"role":"user","content":"a badger"}]') };
        const requests = (async function* () {
          yield { step: { case: 'input' as const, value: { callId: 'call', organisationId: each.organisationId, projectId: 'p', call } } };
        })();
        for await (const { step } of running.filter.filter(requests)) hashes.push(Buffer.from(step.value!.hits[0]!.textHash).toString('hex'));
      }
      await running.stop();
    }
    expect(hashes[0]).toMatch(/^[0-9a-f]{64}$/);
    expect([hashes[2], hashes[3], hashes[0] === hashes[1]]).toEqual([hashes[0], hashes[1], false]);
  });
});
