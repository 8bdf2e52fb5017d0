import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { GetCallResponseSchema } from '@sluice/proto/audit/v1/audit';
import { callDetail } from './call-detail.ts';

const call = { model: 'tiny', choices: 1, messages: Buffer.from('[]') };
const openings = [{ name: 'model', salt: Buffer.from('s'), value: Buffer.from('tiny') }];
const admitted = { body: { body: { case: 'admitted' as const, value: { call } } } };
const refused = { body: { body: { case: 'completed' as const, value: { call, openings } } } };
const proofOnly = { body: { body: { case: 'completed' as const, value: { openings } } } };

describe('the detail of a call', () => {
  it.each([
    ['kept', true, true, [admitted, proofOnly]],
    ['kept', true, true, [refused]],
    ['not_kept', false, true, [proofOnly]],
    ['not_kept', false, true, []],
    ['gone', false, false, []],
    // The key that sealed its end is gone, the one that sealed its beginning is not: all of it can no longer be shown.
    ['gone', false, false, [admitted]],
  ])('says that its bodies are %s', (bodies, bodiesAvailable, available, parts) => {
    expect(callDetail(create(GetCallResponseSchema, { bodiesAvailable: available, parts }))).toMatchObject({ bodies, bodies_available: bodiesAvailable });
  });

  it('shows what was asked, and nothing where nothing of it was understood', () => {
    const requestOf = (asked: object) => callDetail(create(GetCallResponseSchema, { bodiesAvailable: true, parts: [{ body: { body: { case: 'completed', value: { call: asked, openings } } } }] }));
    expect(requestOf(call)).toMatchObject({ request: { model: 'tiny', stream: false, n: 1, messages: [] } });
    expect(requestOf({ model: '', choices: 0 })).toMatchObject({ request: null });
  });
});
