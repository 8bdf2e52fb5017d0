import { describe, expect, it } from '@jest/globals';
import { ManualClock, systemIds } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { Acts } from './ports.ts';
import { removeModel } from './remove-model.ts';

const clock = new ManualClock();
const actor = { keyId: 'key_1', organisationId: 'org' };

describe('removeModel', () => {
  it('touches nothing before access has said that the actor may', async () => {
    const touched: string[] = [];
    const acts: Acts = { act: async () => { touched.push('state'); throw new Error('must not come here'); } };
    const permissions = { require: async () => { throw new ServiceError('insufficient_permissions', 'No.'); } };
    await expect(removeModel({ acts, permissions, clock, ids: systemIds(clock) }, actor, 'chat')).rejects.toMatchObject({ code: 'insufficient_permissions' });
    expect(touched).toEqual([]);
  });

  it('asks nobody about a name that cannot be one', async () => {
    const unasked = () => { throw new Error('must not be asked'); };
    const administration = { acts: { act: unasked }, permissions: { require: unasked }, clock, ids: systemIds(clock) };
    await expect(removeModel(administration, actor, 'a b')).rejects.toMatchObject({ code: 'invalid_value', param: 'name' });
  });
});
