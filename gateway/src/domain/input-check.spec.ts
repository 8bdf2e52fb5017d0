import { describe, expect, it } from '@jest/globals';
import type { InputVerdict } from '@sluice/proto/content_filter/v1/content_filter';
import { checkInput } from './input-check.ts';

const CALL = { model: 'm', messages: Buffer.from('[1]'), fields: [], stream: true, choices: 2 };
const PRINCIPAL = { keyId: 'k', organisationId: 'o', projectId: 'p', models: [], keepsBodies: true };

const check = (verdict: Partial<InputVerdict>) =>
  checkInput({
    input: async () => ({ $typeName: 'content_filter.v1.InputVerdict', action: 0, policyVersion: 0n, ruleId: '', ruleTitle: '', hits: [], hitCount: 0, filtersOutput: false, ignoresInput: false, ...verdict }),
    output: () => Promise.reject(new Error('not asked')),
    end: () => undefined,
  }, { callId: 'c', principal: PRINCIPAL, call: CALL });

describe('the check of an input', () => {
  it('gives no verdict where there is no rule, and one where there are rules and none matched', async () => {
    expect(await check({})).toEqual({ call: CALL, verdict: undefined, filtersOutput: false });
    expect(await check({ policyVersion: 3n, filtersOutput: true })).toMatchObject({ call: CALL, verdict: { policyVersion: 3n, action: 0 }, filtersOutput: true });
  });

  it('takes of a masked call what was said, and nothing of how it is answered', async () => {
    const given = { $typeName: 'chat.v1.ChatCall' as const, model: 'other', messages: Buffer.from('[2]'), fields: [], stream: false, choices: 9, tensors: new Uint8Array() };
    expect((await check({ action: 2, policyVersion: 3n, call: given })).call).toEqual({ ...CALL, messages: Buffer.from('[2]') });
    await expect(check({ action: 2, policyVersion: 3n })).rejects.toMatchObject({ code: 'content_filter_unavailable' });
  });

  it('lets a flagged call go on as it is', async () => {
    expect(await check({ action: 3, policyVersion: 3n, hitCount: 1 })).toMatchObject({ call: CALL, verdict: { action: 3, hitCount: 1 } });
  });
});
