import { afterEach, beforeEach, describe } from '@jest/globals';
import { Action } from '@sluice/proto/content_filter/v1/content_filter';
import { FilterChangedSchema } from '@sluice/proto/events/v1/changes';
import { actContract } from '@sluice/testkit/act-contract';
import { House, type Running } from './testing/house.ts';

const actor = { keyId: 'owner', organisationId: 'org' };
const word = (pattern: string, projectId = '') => ({ actor, kind: 'word', patterns: [pattern], action: Action.BLOCK, projectId });

describe('an act on the rules of the filter', () => {
  let house: House;
  let sound: Running;
  let ruleId: string;
  beforeEach(async () => {
    house = await House.build();
    sound = await house.start();
    ruleId = (await sound.filter.addRule(word('badger'))).rule!.id;
  });
  afterEach(async () => { await house[Symbol.asyncDispose](); });

  /** The version too: it must count every act. */
  const content = async () => {
    const sql = house.sql('content_filter');
    const state = { rules: await sql.query('select * from rule order by id'), versions: await sql.query('select * from organisation_policy') };
    return { position: await sql.transaction((transaction) => house.events.position(transaction, FilterChangedSchema)), state };
  };

  actContract<Running>(
    [
      ['a new rule', ({ filter }) => filter.addRule(word('otter'))],
      ['the first rule of a project', ({ filter }) => filter.addRule(word('badger', 'ours'))],
      ['a removed rule', ({ filter }) => filter.removeRule({ actor, ruleId })],
    ],
    () => ({ house, sound, content }),
  );
});
