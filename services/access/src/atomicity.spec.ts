import { afterEach, beforeEach, describe } from '@jest/globals';
import { KeyKind, Level, OutOfBounds, Role } from '@sluice/proto/access/v1/access';
import { actContract } from '@sluice/testkit/act-contract';
import { House, type Running } from './testing/house.ts';

describe('an act of access', () => {
  let house: House;
  let sound: Running;
  let first: Awaited<ReturnType<Running['first']>>;
  let spareKeyId: string;
  beforeEach(async () => {
    house = await House.build();
    sound = await house.start();
    first = await sound.first();
    spareKeyId = (await sound.adminKey(Role.MEMBER)).id;
  });
  afterEach(async () => { await house[Symbol.asyncDispose](); });

  const content = async () => {
    const { position, ...state } = await sound.snapshot();
    return { position, state };
  };

  actContract<Running>(
    [
      ['a new project', ({ access }) => access.createProject({ actor: first.actor, name: 'new' })],
      ['a new inference key', ({ access }) => access.createApiKey({ ...first, kind: KeyKind.INFERENCE, name: 'new' })],
      ['a new admin key', ({ access }) => access.createApiKey({ actor: first.actor, kind: KeyKind.ADMIN, role: Role.OWNER, name: 'new' })],
      ['a revocation', ({ access }) => access.revokeApiKey({ actor: first.actor, keyId: spareKeyId })],
      ['limits', ({ access }) => access.setLimits({ actor: first.actor, level: Level.PROJECT, subjectId: first.projectId, change: { requestsPerMinute: 5n } })],
      ['a parameter rule', ({ access }) => access.setParameterRule({ actor: first.actor, rule: { parameter: 'n', max: 1, outOfBounds: OutOfBounds.CLIP } })],
    ],
    () => ({ house, sound, content }),
  );
});
