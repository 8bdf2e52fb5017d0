import { describe, expect, it } from '@jest/globals';
import { ServiceError } from '@sluice/errors';
import type { InputVerdict } from '@sluice/proto/content_filter/v1/content_filter';
import { FREE_HOLD, FREE_PRICE } from '../testing/ungoverned.ts';
import type { Call } from './call.ts';
import { agree } from './call-terms.ts';
import { tokenBound } from './limits/token-bound.ts';
import type { Granted, HoldAsked } from './ports.ts';

const PRINCIPAL = { keyId: 'k', organisationId: 'o', projectId: 'p', models: [], keepsBodies: true };
const CALL = { model: 'm', messages: Buffer.from('[{"role":"user","content":"hi"}]'), fields: [{ name: 'max_tokens', json: Buffer.from('600') }], stream: true, choices: 2 };
const LONGER = Buffer.from('[{"role":"user","content":"[masked by a rule]"}]');

function terms(verdict: Partial<InputVerdict> = {}, granted: Granted | ServiceError = { inputIsTight: false, hold: FREE_HOLD, price: FREE_PRICE, affordableOutputTokens: 0 }) {
  const said: string[] = [];
  const asked: HoldAsked[] = [];
  const counted: Call[] = [];
  const filter = {
    input: async (): Promise<InputVerdict> => {
      said.push('filter');
      return { $typeName: 'content_filter.v1.InputVerdict', action: 0, policyVersion: 0n, ruleId: '', ruleTitle: '', hits: [], hitCount: 0, filtersOutput: false, ignoresInput: false, ...verdict };
    },
    output: () => Promise.reject(new Error('not asked')),
    end: () => void said.push('end'),
  };
  const money = {
    hold: async (request: HoldAsked) => {
      said.push('hold');
      asked.push(request);
      if (granted instanceof ServiceError) throw granted;
      return granted;
    },
    extend: async () => FREE_HOLD, settle: async () => undefined, onBroken: () => undefined, end: () => undefined,
  };
  const place = async () => (said.push('place'), { producer: 'g', epoch: 3n });
  return { said, asked, counted, agreed: () => agree({ callId: 'c', principal: PRINCIPAL, call: CALL, bound: tokenBound(CALL), modelName: 'small', output: { isShown: true, longestTokens: 0, note: () => undefined }, countInput: async (call) => (counted.push(call), undefined), used: undefined }, filter, money, place) };
}

describe('the terms of a call', () => {
  it('are asked of the filter, then of billing in the epoch that there is then; nothing looks at output that nothing limits', async () => {
    const { said, asked, agreed } = terms();
    expect(await agreed()).toMatchObject({ call: CALL, modelName: 'small', place: { producer: 'g', epoch: 3n }, inputVerdict: undefined, output: undefined, passage: undefined });
    expect(said).toEqual(['filter', 'end', 'place', 'hold']);
    expect(asked).toMatchObject([{ callId: 'c', modelName: 'small', producer: 'g', epoch: 3n, outputTokens: 512, outputTokensBound: 1200, inputTokensBound: tokenBound(CALL).inputTokens.most }]);
  });

  it('keep the filter where it looks at output, and watch what a budget limits', async () => {
    const { said, agreed } = terms({ filtersOutput: true, policyVersion: 2n });
    const filtered = await agreed();
    expect([said.includes('end'), filtered.passage === undefined, filtered.output?.verdict.policyVersion]).toEqual([false, false, 2n]);
    const limited = await terms({}, { inputIsTight: false, hold: { ...FREE_HOLD, limited: true }, price: FREE_PRICE, affordableOutputTokens: 1_000 }).agreed();
    expect(limited).toMatchObject({ output: undefined, call: { fields: [{ name: 'max_tokens', json: Buffer.from('500') }] } });
    expect(limited.passage).toBeDefined();
  });

  it('count what a masked call can take anew, because a mask may be longer than what it hides', async () => {
    const call = { $typeName: 'chat.v1.ChatCall' as const, ...CALL, messages: LONGER, fields: [], tensors: new Uint8Array() };
    const { asked, agreed } = terms({ action: 2, policyVersion: 1n, call });
    await agreed();
    expect(asked[0]!.inputTokensBound).toBe(tokenBound({ ...CALL, messages: LONGER, fields: [] }).inputTokens.most);
    expect(asked[0]!.inputTokensBound).toBeGreaterThan(tokenBound(CALL).inputTokens.most);
  });

  it('count the prompt as it is masked, where its bytes take too much of a budget, and not otherwise', async () => {
    const masked = { $typeName: 'chat.v1.ChatCall' as const, ...CALL, messages: LONGER, fields: [], tensors: new Uint8Array() };
    const tight = terms({ action: 2, policyVersion: 1n, call: masked }, { inputIsTight: true, hold: FREE_HOLD, price: FREE_PRICE, affordableOutputTokens: 0 });
    await tight.agreed();
    expect(tight.counted.map(({ messages }) => Buffer.from(messages).toString())).toEqual([LONGER.toString()]);
    const ample = terms({ action: 2, policyVersion: 1n, call: masked });
    await ample.agreed();
    expect(ample.counted).toEqual([]);
  });

  it('refuse with what the filter found, whatever it is that refuses', async () => {
    const { agreed } = terms({ action: 3, policyVersion: 1n, hitCount: 2 }, new ServiceError('billing_unavailable', 'away'));
    await expect(agreed()).rejects.toMatchObject({ code: 'billing_unavailable', facts: { inputVerdict: { hitCount: 2 } } });
  });
});
