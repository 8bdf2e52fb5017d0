import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setTimeout } from 'node:timers/promises';
import { ServiceError } from '@sluice/errors';
import { Action, type AddRuleRequestSchema, Direction, type FilterRulesService, type FilterResponse } from '@sluice/proto/content_filter/v1/content_filter';
import type { Client } from '@sluice/rpc';
import type { MessageInitShape } from '@bufbuild/protobuf';
import { House, type Running } from './testing/house.ts';

const actor = { keyId: 'owner', organisationId: 'org' };
const away = expect.objectContaining({ code: 'content_filter_unavailable' });

/** The owner of the rules as other processes reach it. */
class Reach {
  isAway = false;
  /** What is asked is done, and nobody hears of it. */
  losesAnswers = false;
  answersLost = 0;
  readonly client: Client<typeof FilterRulesService>;

  constructor(rules: Client<typeof FilterRulesService>) {
    this.client = new Proxy(rules, {
      get: (target, name) => {
        const rpc = Reflect.get(target, name) as (...given: unknown[]) => unknown;
        return (...given: unknown[]) => (this.isAway ? Promise.reject(new ServiceError('backend_unavailable', 'Nobody listens there.')) : this.losesAnswers ? this.#lose(rpc(...given)) : rpc(...given));
      },
    });
  }

  async #lose(answer: unknown): Promise<never> {
    await answer;
    this.answersLost++;
    throw new ServiceError('backend_unavailable', 'It broke off.');
  }
}

describe('a filter in a process that has no tables and no root key', () => {
  let house: House;
  let reach: Reach;
  let stopOwner: () => Promise<void>;
  let here: Running;
  let there: Running;
  beforeAll(async () => {
    house = await House.build();
    await owner();
    [here, there] = [await house.startFilter(reach.client), await house.startFilter(reach.client)];
  });
  afterAll(async () => { await house[Symbol.asyncDispose](); });

  async function owner(): Promise<void> {
    const { rules, stop } = await house.startOwner();
    stopOwner = stop;
    reach = new Reach(rules);
  }
  const add = (rule: MessageInitShape<typeof AddRuleRequestSchema>) => here.filter.addRule({ actor, kind: 'word', action: Action.BLOCK, ...rule } as MessageInitShape<typeof AddRuleRequestSchema>);
  const outcome = async (text: string, at = here): Promise<Action> => (await at.filter.try({ organisationId: 'org', projectId: 'ours', text, direction: Direction.IN })).action;
  const becomes = async (isSo: () => Promise<boolean>): Promise<void> => {
    for (let turn = 0; turn < 1_000 && !(await isSo().catch(() => false)); turn++) await setTimeout(5);
    expect(await isSo()).toBe(true);
  };
  /** Time goes on, and with it the owner's signs of life. */
  const pass = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += 250) {
      house.clock.advance(250);
      await setTimeout(1);
    }
  };
  async function call(at: Running, content: string): Promise<FilterResponse['step']> {
    const messages = Buffer.from(JSON.stringify([{ role: 'user', content }]));
    const requests = (async function* () {
      yield { step: { case: 'input' as const, value: { callId: 'call', organisationId: 'org', projectId: 'ours', call: { model: 'm', choices: 1, messages } } } };
    })();
    for await (const { step } of at.filter.filter(requests)) return step;
    throw new Error('it was not answered');
  }

  it('applies what was changed through it when that is answered, any other soon after, and both all that a rule says', async () => {
    await add({ patterns: ['badger', 'otter'], title: 'house rule' });
    await add({ kind: 'pii:email', action: Action.MASK, projectId: 'ours', direction: Direction.IN });
    const { rule } = await add({ kind: 'regex', patterns: ['tick(et)?-[0-9]+'], action: Action.FLAG });
    expect([await outcome('an otter'), await outcome('jane@example.com'), await outcome('of ticket-17 ')]).toEqual([Action.BLOCK, Action.MASK, Action.FLAG]);
    await becomes(async () => (await outcome('of ticket-17 ', there)) === Action.FLAG);
    expect([await outcome('an otter', there), await outcome('jane@example.com', there), await outcome('fine', there)]).toEqual([Action.BLOCK, Action.MASK, Action.UNSPECIFIED]);
    expect((await there.filter.try({ organisationId: 'org', projectId: 'second', text: 'jane@example.com', direction: Direction.IN })).action).toBe(Action.UNSPECIFIED);
    await there.filter.removeRule({ actor, ruleId: rule!.id });
    expect(await outcome('of ticket-17 ', there)).toBe(Action.UNSPECIFIED);
    await becomes(async () => (await outcome('of ticket-17 ')) === Action.UNSPECIFIED);
  });

  it('hashes what matched as every other does, and tells what it found to the owner, with whom it waits', async () => {
    const steps = [await call(here, 'a badger'), await call(there, 'a badger')];
    const [one, other] = steps.map((step) => (step.case === 'verdict' ? Buffer.from(step.value.hits[0]!.textHash).toString('hex') : undefined));
    expect(one).toMatch(/^[0-9a-f]{64}$/);
    expect(other).toBe(one);
    reach.isAway = true;
    await call(here, 'a badger');
    await pass(1_000);
    reach.isAway = false;
    const blocked = async () => (await here.filter.getStats({ organisationId: 'org' })).rules.find(({ title }) => title === 'house rule')?.blocked;
    await becomes(async () => {
      await pass(250);
      return (await blocked()) === 3n;
    });
    await pass(1_000);
    expect(await blocked()).toBe(3n);
    reach.losesAnswers = true;
    await call(here, 'a badger');
    await becomes(async () => {
      await pass(250);
      return reach.answersLost > 1;
    });
    reach.losesAnswers = false;
    await call(here, 'a badger');
    await becomes(async () => {
      await pass(250);
      return (await blocked()) === 5n;
    });
    await pass(1_000);
    expect(await blocked()).toBe(5n);
  });

  it('goes on for 30 s when the owner is away, then lets nothing pass, and goes on when there is one again', async () => {
    await stopOwner();
    reach.isAway = true;
    await pass(29_000);
    expect([await outcome('an otter'), await outcome('fine'), here.platform.health.report().checks['content-filter']!.status]).toEqual([Action.BLOCK, Action.UNSPECIFIED, 'degraded']);
    await expect(add({ patterns: ['stoat'] })).rejects.toMatchObject({ code: 'backend_unavailable' });
    await pass(2_000);
    await expect(outcome('fine')).rejects.toEqual(away);
    expect(here.platform.health.report().checks['content-filter']!.status).toBe('down');
    const lost = reach;
    await owner();
    lost.isAway = false;
    await becomes(async () => {
      await pass(250);
      return (await outcome('an otter')) === Action.BLOCK && (await outcome('fine', there)) === Action.UNSPECIFIED;
    });
  });

  it('refuses an organisation whose new rules it has heard of and cannot read, for nothing blocked may pass', async () => {
    const { rules, stop } = await house.startOwner();
    const cut = new Reach(rules);
    const apart = await house.startFilter(cut.client);
    cut.isAway = true;
    await rules.addRule({ actor, kind: 'word', patterns: ['weasel'], action: Action.BLOCK });
    await becomes(async () => outcome('fine', apart).then(() => false, (thrown: ServiceError) => thrown.code === 'content_filter_unavailable'));
    cut.isAway = false;
    await becomes(async () => {
      await pass(250);
      return (await outcome('a weasel', apart)) === Action.BLOCK && (await outcome('fine', apart)) === Action.UNSPECIFIED;
    });
    await stop();
  });
});
