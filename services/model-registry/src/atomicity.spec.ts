import { afterEach, beforeEach, describe } from '@jest/globals';
import { actContract } from '@sluice/testkit/act-contract';
import { House, type Running } from './testing/house.ts';

const actor = { keyId: 'owner', organisationId: 'org' };
const upstream = (baseUrl: string, credential = '') => ({ case: 'openai' as const, value: { baseUrl, credential } });

describe('an act of the registry', () => {
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

  /** The history too: it must tell of every act. */
  const content = async () => {
    const { position, ...registry } = await sound.registry.getSnapshot({});
    return { position, state: { registry, history: await house.sql('model_registry').query('select * from history order by seq') } };
  };

  actContract<Running>(
    [
      ['a new model', ({ registry }) => registry.addModel({ actor, name: 'new', source: upstream('http://one/v1', 'tok') })],
      ['another deployment', ({ registry }) => registry.addModel({ actor, name: 'chat', source: upstream('http://two/v1') })],
      ['a rotated credential', ({ registry }) => registry.addModel({ actor, name: 'chat', source: upstream('http://one/v1', 'tok-2') })],
      ['a moved alias', ({ registry }) => registry.setAlias({ actor, alias: 'best', modelName: 'other' })],
      ['a removed alias', ({ registry }) => registry.removeAlias({ actor, alias: 'best' })],
      ['a removed model', ({ registry }) => registry.removeModel({ actor, name: 'chat' })],
    ],
    () => ({ house, sound, content }),
  );
});
