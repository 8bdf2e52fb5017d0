import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { AdminActedSchema } from '@sluice/proto/events/v1/calls';
import { breaksAt } from '@sluice/testkit';
import { House, type Running } from './testing/house.ts';

const actor = { keyId: 'owner', organisationId: 'org' };
const upstream = (baseUrl: string, credential = '') => ({ case: 'openai' as const, value: { baseUrl, credential } });

const ACTS: readonly [string, (running: Running) => Promise<unknown>][] = [
  ['a new model', ({ registry }) => registry.addModel({ actor, name: 'new', source: upstream('http://one/v1', 'tok') })],
  ['another deployment', ({ registry }) => registry.addModel({ actor, name: 'chat', source: upstream('http://two/v1') })],
  ['a rotated credential', ({ registry }) => registry.addModel({ actor, name: 'chat', source: upstream('http://one/v1', 'tok-2') })],
  ['a moved alias', ({ registry }) => registry.setAlias({ actor, alias: 'best', modelName: 'other' })],
  ['a removed alias', ({ registry }) => registry.removeAlias({ actor, alias: 'best' })],
  ['a removed model', ({ registry }) => registry.removeModel({ actor, name: 'chat' })],
];

describe('an act that cannot be recorded', () => {
  let house: House;
  let sound: Running;
  beforeEach(async () => {
    house = await House.build();
    sound = await house.start();
    await sound.registry.addModel({ actor, name: 'chat', source: upstream('http://one/v1', 'tok-1') });
    await sound.registry.addModel({ actor, name: 'other', source: upstream('http://three/v1') });
    await sound.registry.setAlias({ actor, alias: 'best', modelName: 'chat' });
  });
  afterEach(async () => { await house[Symbol.asyncDispose](); });

  /** The state, its history, and how many acts the audit will see. */
  const content = async () => {
    const sql = house.sql('model_registry');
    const acted = await sql.transaction((transaction) => house.events.position(transaction, AdminActedSchema));
    return { acted, history: await sql.query('select * from history order by seq'), snapshot: await sound.registry.getSnapshot({}) };
  };

  it.each(ACTS)('does not happen: %s', async (_name, act) => {
    const before = await content();
    for (const publication of [1, 2]) {
      const broken = await house.start({ events: breaksAt(house.events, publication) });
      await expect(act(broken)).rejects.toMatchObject({ code: 'internal', message: expect.not.stringContaining('power cut') });
      expect(await content()).toEqual(before);
    }
    await act(sound);
    const after = await content();
    expect(after.acted).toBe(before.acted + 1n);
    expect(after.snapshot.position).toBe(before.snapshot.position + 1n);
    expect(after.history.length).toBeGreaterThan(before.history.length);
  });
});
