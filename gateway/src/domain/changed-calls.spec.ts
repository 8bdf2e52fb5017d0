import { describe, expect, it } from '@jest/globals';
import { governedView, refusedView } from '@sluice/segment';
import { FlowHouse } from '../testing/flow-house.ts';
import { applyParameterRules } from './parameters/parameter-rules.ts';

const RULES = [{ id: 'prule_heat', projectId: '', model: '', parameter: 'temperature', max: 1, outOfBounds: 1 }, { id: 'prule_length', projectId: '', model: '', parameter: 'max_tokens', max: 500, outOfBounds: 1 }];
const FIELDS = [{ name: 'temperature', json: Buffer.from('2') }, { name: 'max_tokens', json: Buffer.from('1000') }];
const BY_RULES = [{ parameter: 'temperature', askedJson: '2', sentJson: '1', ruleId: 'prule_heat' }, { parameter: 'max_tokens', askedJson: '1000', sentJson: '500', ruleId: 'prule_length' }];

/** A house with two rules that clip, and a budget that affords so much output. */
function ruled(affordable: bigint): FlowHouse {
  const house = new FlowHouse();
  house.rules = (call) => applyParameterRules(call, 'project_1', 'org/small', RULES);
  house.billing.hold = () => ({ hold: { amountNano: 9_000n, limited: true, outputTokens: affordable }, price: { id: 'price_1', outputNano: 1n }, affordableOutputTokens: affordable });
  return house;
}

const resultOf = (house: FlowHouse): unknown[] => JSON.parse(Buffer.from(house.ending().openings.find(({ name }) => name === 'result')!.value).toString()) as unknown[];

describe('a call that is sent otherwise than it was asked for', () => {
  it('has on record what rules and its budget made of it, and its leaf commits to that', async () => {
    const house = ruled(165n);
    await house.run(house.call({ fields: FIELDS }));
    const { admitted, completed } = house.recorded();
    expect(admitted[0]!.parameters).toEqual([...BY_RULES, { parameter: 'max_tokens', askedJson: '500', sentJson: '165', ruleId: '' }]);
    expect(house.routed[0]!.call.fields.map(({ json }) => Buffer.from(json).toString())).toEqual(['1', '165']);
    expect(resultOf(house).at(-1)).toEqual(governedView(admitted[0]!, completed[0]!));
    expect(resultOf(house).at(-1)).toMatchObject({ parameters: [{ name: 'temperature', asked: 2, sent: 1, rule_id: 'prule_heat' }, { sent: 500 }, { name: 'max_tokens', asked: 500, sent: 165, rule_id: null }] });
  });

  it('has nothing of it on record where nothing was changed, and no member for it in its leaf', async () => {
    const house = ruled(165n);
    await house.run(house.call({ fields: [{ name: 'max_tokens', json: Buffer.from('100') }] }));
    expect(house.recorded().admitted[0]).not.toHaveProperty('parameters');
    expect(resultOf(house).at(-1)).not.toHaveProperty('parameters');
  });

  it.each([
    ['a rule of the content filter', (house: FlowHouse) => (house.filter.input = () => ({ action: 1, policyVersion: 4n, ruleId: 'rule_1', ruleTitle: 'T' }))],
    ['a filter that is away', (house: FlowHouse) => (house.filter.input = () => { throw new Error('away'); })],
    ['its budget', (house: FlowHouse) => (house.billing.hold = () => ({ refusal: { level: 1, subjectId: 'org_1', period: 'day' } }))],
    ['what comes behind its limits', (house: FlowHouse) => (house.before = () => { throw new Error('broken'); })],
  ])('keeps what rules made of it when %s refuses it', async (_name, spoil) => {
    const house = ruled(165n);
    spoil(house);
    await house.run(house.call({ fields: FIELDS }));
    const [refused] = house.recorded().refused;
    expect(refused!.parameters).toEqual(BY_RULES);
    expect(resultOf(house).at(-1)).toEqual(refusedView(refused!));
    expect(resultOf(house).at(-1)).toMatchObject({ parameters: [{ name: 'temperature', asked: 2, sent: 1, rule_id: 'prule_heat' }, { name: 'max_tokens', asked: 1000, sent: 500, rule_id: 'prule_length' }] });
  });
});
