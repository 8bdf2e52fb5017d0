import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { KeyKind, Role } from '@sluice/proto/access/v1/access';
import { AdminActedSchema } from '@sluice/proto/events/v1/calls';
import { breaksAt } from '@sluice/testkit';
import { House, type Running } from './testing/house.ts';

type First = Awaited<ReturnType<Running['first']>>;

const ACTS: readonly [string, (running: Running, first: First, spareKeyId: string) => Promise<unknown>][] = [
  ['a new project', ({ access }, { actor }) => access.createProject({ actor, name: 'new' })],
  ['a new inference key', ({ access }, { actor, projectId }) => access.createApiKey({ actor, kind: KeyKind.INFERENCE, projectId, name: 'new' })],
  ['a new admin key', ({ access }, { actor }) => access.createApiKey({ actor, kind: KeyKind.ADMIN, role: Role.OWNER, name: 'new' })],
  ['a revocation', ({ access }, { actor }, keyId) => access.revokeApiKey({ actor, keyId })],
];

describe('an act that cannot be recorded', () => {
  let house: House;
  let sound: Running;
  beforeEach(async () => {
    house = await House.build();
    sound = await house.start();
  });
  afterEach(async () => { await house[Symbol.asyncDispose](); });

  /** The state, and how many acts the audit will see. */
  const content = async () => {
    const acted = await house.sql('access').transaction((transaction) => house.events.position(transaction, AdminActedSchema));
    return { acted, snapshot: await sound.snapshot() };
  };

  it.each(ACTS)('does not happen: %s', async (_name, act) => {
    const first = await sound.first();
    const spare = await sound.adminKey(Role.MEMBER);
    const before = await content();
    for (const publication of [1, 2]) {
      const broken = await house.start({ events: breaksAt(house.events, publication) });
      await expect(act(broken, first, spare.id)).rejects.toMatchObject({ code: 'internal', message: expect.not.stringContaining('power cut') });
      expect(await content()).toEqual(before);
    }
    await act(sound, first, spare.id);
    const after = await content();
    expect(after.acted).toBe(before.acted + 1n);
    expect(after.snapshot.position).toBe(before.snapshot.position + 1n);
  });
});
