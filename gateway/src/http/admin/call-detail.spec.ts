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

  const priced = { hold: { amountNano: 100n, limited: true, outputTokens: 8n }, price: { id: 'price_1', inputNano: 2n, outputNano: 3n } };
  const record = (kind: 'admitted' | 'output' | 'completed' | 'refused', value: object) => ({ record: { record: { case: kind, value } as never } });

  it('shows what was governed of a call, from its clear records', () => {
    const extended = { amountNano: 200n, limited: true, outputTokens: 16n };
    const parts = [record('admitted', { modelName: 'tiny', hold: priced }), record('output', { hold: extended }), record('output', {}), record('completed', { hold: extended, costNano: 42n, stoppedBy: 'budget' })];
    expect(callDetail(create(GetCallResponseSchema, { parts }))).toMatchObject({
      governed: { model_name: 'tiny', price: { id: 'price_1' }, hold: { amount_nano: '200', output_tokens: 16 }, cost_nano: '42', stopped_by: 'budget' }, refused: null, hold_extensions: [{ amount_nano: '200' }],
    });
  });

  it('shows of a call without an end what it has cost so far', () => {
    const parts = [record('admitted', { hold: priced }), record('output', { hold: { amountNano: 300n } })];
    expect(callDetail(create(GetCallResponseSchema, { call: { counts: { inputTokens: 5n, outputTokens: 7n } }, parts }))).toMatchObject({ cost_nano: '31', overrun_nano: '0', governed: { cost_nano: '31', hold: { amount_nano: '300' } } });
    const limited = [record('admitted', { hold: priced }), record('output', { hold: { amountNano: 30n, limited: true } })];
    expect(callDetail(create(GetCallResponseSchema, { call: { counts: { inputTokens: 5n, outputTokens: 7n } }, parts: limited }))).toMatchObject({ cost_nano: '30', overrun_nano: '1', governed: { cost_nano: '30', overrun_nano: '1' } });
  });

  it('has as the cost what is billed, everywhere, and what is above that beside it', () => {
    const detail = callDetail(create(GetCallResponseSchema, { parts: [record('admitted', { hold: priced }), record('completed', { hold: priced.hold, costNano: 142n, overrunNano: 42n })] }));
    expect(detail).toMatchObject({ cost_nano: '100', overrun_nano: '42', governed: { cost_nano: '100', overrun_nano: '42' } });
    expect(callDetail(create(GetCallResponseSchema, { parts: [record('admitted', {}), record('completed', {})] }))).not.toHaveProperty('cost_nano');
  });

  it('shows what refused a call, and nothing of money in a record from before there was any', () => {
    expect(callDetail(create(GetCallResponseSchema, { parts: [record('refused', { refusedBy: { case: 'limit', value: { kind: 'requests_per_minute' } } })] }))).toMatchObject({ governed: null, refused: { by: { type: 'limit' } } });
    expect(callDetail(create(GetCallResponseSchema, { parts: [record('admitted', {}), record('completed', {})] }))).toMatchObject({ governed: null, refused: null, hold_extensions: [] });
  });

  it('shows what was changed of its parameters, of a call that was let in and of one that was not, whatever refused it', () => {
    const parameters = [{ parameter: 'temperature', askedJson: '2', sentJson: '1', ruleId: 'prule_1' }, { parameter: 'max_tokens', sentJson: '165' }];
    const changes = [{ name: 'temperature', asked: 2, sent: 1, rule_id: 'prule_1' }, { name: 'max_tokens', asked: null, sent: 165, rule_id: null }];
    const running = callDetail(create(GetCallResponseSchema, { parts: [record('admitted', { hold: priced, parameters })] }));
    expect(running).toMatchObject({ governed: { parameters: changes }, refused: null });
    expect(callDetail(create(GetCallResponseSchema, { parts: [record('refused', { parameters })] }))).toMatchObject({ governed: null, refused: { by: null, input: null, parameters: changes } });
    expect(callDetail(create(GetCallResponseSchema, { parts: [record('admitted', { hold: priced })] }))).not.toHaveProperty('governed.parameters');
  });

  it('shows what is kept beside what was sent, each part where there is one, and the member only then', () => {
    const asked = { ...call, messages: Buffer.from('[{"role":"user","content":"jane"}]') };
    const said = (text: string) => [{ event: { case: 'delta' as const, value: { text, channel: 1 } } }];
    const output = { body: { body: { case: 'output' as const, value: { events: said('*'), original: { events: said('jane') } } } } };
    const end = (value: object) => ({ body: { body: { case: 'completed' as const, value } } });
    const detailOf = (...parts: object[]) => callDetail(create(GetCallResponseSchema, { bodiesAvailable: true, parts }));
    expect(detailOf({ body: { body: { case: 'admitted', value: { call, original: asked } } } }, output, end({ originalOutputSalt: Buffer.from('s') }))).toMatchObject({
      request: { messages: [] }, choices: [{ content: '*' }],
      original: { request: { model: 'tiny', n: 1, messages: [{ role: 'user', content: 'jane' }] }, output: { choices: [{ content: 'jane' }], events: [{ type: 'delta', text: 'jane' }] } },
    });
    expect(detailOf(admitted, output)).toMatchObject({ original: { request: null, output: { choices: [{ content: 'jane' }] } } });
    expect(detailOf(end({ original: asked, openings }))).toMatchObject({ bodies: 'kept', bodies_available: true, request: null, original: { request: { messages: [{ content: 'jane' }] }, output: null } });
    expect(detailOf(admitted, proofOnly)).not.toHaveProperty('original');
  });

  it('shows what was asked, and nothing where nothing of it was understood', () => {
    const requestOf = (asked: object) => callDetail(create(GetCallResponseSchema, { bodiesAvailable: true, parts: [{ body: { body: { case: 'completed', value: { call: asked, openings } } } }] }));
    expect(requestOf(call)).toMatchObject({ request: { model: 'tiny', stream: false, n: 1, messages: [] } });
    expect(requestOf({ model: '', choices: 0 })).toMatchObject({ request: null });
  });
});
