import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { House, type Running } from '../testing/house.ts';

const MINUTE_MS = 60_000;

describe('the items of the ledger', () => {
  let house: House;
  let running: Running;
  const firstMs = 1_700_000_000_000;
  const ids: string[] = [];
  beforeAll(async () => {
    house = await House.build();
    running = await house.start();
    const sql = house.sql('billing');
    await sql.query(`INSERT INTO ledger_transaction VALUES (gen_random_uuid(), 'org', 'proj', 'key', 'small', 'price_1', 1, 1), (gen_random_uuid(), 'other', 'theirs', 'key_o', 'small', 'price_2', 1, 1)`);
    for (let at = 0; at < 5; at++) {
      ids.push((firstMs + at * MINUTE_MS).toString(16).padStart(12, '0') + String(at).repeat(20));
      const organisation = at === 2 ? 'other' : 'org';
      await sql.query(`INSERT INTO item SELECT $1::uuid, id, 1, 0, 2, 0, $2, 1, 0 FROM ledger_transaction WHERE organisation_id = $3`, [ids[at], 10 + at, organisation]);
    }
  });
  afterAll(async () => house[Symbol.asyncDispose]());
  const asked = async (more: object = {}): Promise<{ ids: string[]; hasMore: boolean }> => {
    const { items, hasMore } = await running.billing.listLedgerItems({ organisationId: 'org', ...more });
    return { ids: items.map(({ callId }) => callId), hasMore };
  };

  it('are told for each call of the organisation, in the order of their beginnings, page by page', async () => {
    expect(await asked()).toEqual({ ids: [ids[0], ids[1], ids[3], ids[4]], hasMore: false });
    expect(await asked({ limit: 2 })).toEqual({ ids: [ids[0], ids[1]], hasMore: true });
    expect(await asked({ limit: 2, afterCallId: ids[1] })).toEqual({ ids: [ids[3], ids[4]], hasMore: false });
    expect((await running.billing.listLedgerItems({ organisationId: 'org', limit: 1 })).items).toMatchObject([{ projectId: 'proj', keyId: 'key', model: 'small', inputTokens: 1n, outputTokens: 2n, costNano: 10n, overrunNano: 1n }]);
    expect(await asked({ organisationId: 'other' })).toEqual({ ids: [ids[2]], hasMore: false });
    expect(await asked({ organisationId: 'nobody' })).toEqual({ ids: [], hasMore: false });
  });

  it('are found by the time at which the calls began', async () => {
    const at = (minutes: number): bigint => BigInt(firstMs + minutes * MINUTE_MS);
    expect(await asked({ sinceMs: at(1) })).toEqual({ ids: [ids[1], ids[3], ids[4]], hasMore: false });
    expect(await asked({ sinceMs: at(1), untilMs: at(4) })).toEqual({ ids: [ids[1], ids[3]], hasMore: false });
    expect(await asked({ untilMs: at(0) })).toEqual({ ids: [], hasMore: false });
  });

  it('are asked for behind a call, not behind anything else', async () => {
    await expect(asked({ afterCallId: "'; DROP TABLE item" })).rejects.toMatchObject({ code: 'invalid_value', param: 'after_call_id' });
  });
});
