import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { CallAdmittedSchema, CallCompletedSchema, CallRefusedSchema, type CallAdmitted, type CallCompleted } from '@sluice/proto/events/v1/calls';
import { governedView, refusedView } from './governed-view.ts';

const HIT = { ruleId: 'rule_1', kind: 'word', action: 2, direction: 1, channel: 4, index: 1, start: 3n, end: 7n, textHash: Buffer.from('ab', 'hex') };
const ADMITTED = { modelName: 'small', hold: { hold: { amountNano: 10n, limited: true, outputTokens: 64n }, price: { id: 'price_1', model: 'small', currency: 'EUR', inputNano: 2n ** 60n, outputNano: 3n } }, inputVerdict: { policyVersion: 4n, action: 2, hits: [HIT], hitCount: 1 } };
const COMPLETED = { hold: { amountNano: 20n, limited: true, outputTokens: 128n }, costNano: 2n ** 60n, stoppedBy: 'budget', outputVerdict: { policyVersion: 4n } };

describe('the view of what was governed', () => {
  it('is the same of the values that a record is made from and of the record that is read', () => {
    const read = <T>(schema: typeof CallAdmittedSchema | typeof CallCompletedSchema, init: object): T => fromBinary(schema, toBinary(schema, create(schema, init as never))) as T;
    const view = governedView(ADMITTED, COMPLETED);
    expect(governedView(read<CallAdmitted>(CallAdmittedSchema, ADMITTED), read<CallCompleted>(CallCompletedSchema, COMPLETED))).toEqual(view);
    expect(JSON.parse(JSON.stringify(view))).toEqual(view);
    expect(view).toEqual({
      model_name: 'small', price: { id: 'price_1', model: 'small', currency: 'EUR', input_nano: String(2n ** 60n), cached_input_nano: '0', output_nano: '3', reasoning_nano: '0' },
      hold: { amount_nano: '20', limited: true, output_tokens: 128 }, cost_nano: String(2n ** 60n), overrun_nano: '0', stopped_by: 'budget',
      input: { policy_version: 4, action: 'mask', hit_count: 1, hits: [{ rule_id: 'rule_1', kind: 'word', action: 'mask', direction: 'in', channel: 'tool_arguments', index: 1, start: 3, end: 7, text_hash: 'ab' }] },
      output: { policy_version: 4, action: 'none', hit_count: 0, hits: [] },
    });
  });

  it('has what was changed of the parameters, in its order, and no member for it where nothing was', () => {
    const parameters = [{ parameter: 'temperature', askedJson: '1.5', sentJson: '1', ruleId: 'prule_1' }, { parameter: 'max_tokens', askedJson: '', sentJson: '2048', ruleId: 'prule_2' }, { parameter: 'max_tokens', askedJson: '2048', sentJson: '165', ruleId: '' }];
    const changes = [{ name: 'temperature', asked: 1.5, sent: 1, rule_id: 'prule_1' }, { name: 'max_tokens', asked: null, sent: 2048, rule_id: 'prule_2' }, { name: 'max_tokens', asked: 2048, sent: 165, rule_id: null }];
    const read = fromBinary(CallAdmittedSchema, toBinary(CallAdmittedSchema, create(CallAdmittedSchema, { ...ADMITTED, parameters })));
    expect(governedView(read, COMPLETED)).toEqual({ ...governedView(ADMITTED, COMPLETED), parameters: changes });
    expect(JSON.stringify(governedView({ ...ADMITTED, parameters }, COMPLETED))).toBe(JSON.stringify(governedView(read, COMPLETED)));
    expect(refusedView({ parameters: parameters.slice(0, 1) })).toEqual({ by: null, input: null, parameters: changes.slice(0, 1) });
  });

  it('of a record from before changes were recorded is byte for byte what its leaf commits to', () => {
    const price = { id: 'price_1', model: 'small', currency: 'EUR', inputNano: 5n, outputNano: 7n };
    const admitted = fromBinary(CallAdmittedSchema, toBinary(CallAdmittedSchema, create(CallAdmittedSchema, { modelName: 'small', hold: { hold: { amountNano: 10n, limited: true, outputTokens: 64n }, price }, inputVerdict: { policyVersion: 4n } })));
    const completed = fromBinary(CallCompletedSchema, toBinary(CallCompletedSchema, create(CallCompletedSchema, { costNano: 9n, stoppedBy: 'budget' })));
    expect(JSON.stringify(governedView(admitted, completed))).toBe(
      '{"model_name":"small","price":{"id":"price_1","model":"small","currency":"EUR","input_nano":"5","cached_input_nano":"0","output_nano":"7","reasoning_nano":"0"},"hold":{"amount_nano":"10","limited":true,"output_tokens":64},' +
      '"cost_nano":"9","overrun_nano":"0","stopped_by":"budget","input":{"policy_version":4,"action":"none","hit_count":0,"hits":[]},"output":null}',
    );
    const refused = fromBinary(CallRefusedSchema, toBinary(CallRefusedSchema, create(CallRefusedSchema, { refusedBy: { case: 'rule', value: { ruleId: 'rule_1', ruleTitle: 'T', policyVersion: 4n } } })));
    expect(JSON.stringify(refusedView(refused))).toBe('{"by":{"type":"rule","rule_id":"rule_1","title":"T","policy_version":4},"input":null}');
  });

  it('shows the hold of the beginning while there is no other, and no price where there is none', () => {
    expect(governedView({ ...ADMITTED, hold: { ...ADMITTED.hold, price: {} } }, {})).toMatchObject({ price: null, hold: { amount_nano: '10' }, cost_nano: '0', stopped_by: null, output: null });
  });

  it.each([
    [{ case: 'limit' as const, value: { level: 3, subjectId: 'key_1', kind: 'requests_per_day', limit: 9n } }, { type: 'limit', level: 'key', subject_id: 'key_1', kind: 'requests_per_day', limit: 9 }],
    [{ case: 'budget' as const, value: { level: 1, subjectId: 'org_1', period: 'month', amountNano: 2n ** 60n } }, { type: 'budget', level: 'organisation', subject_id: 'org_1', period: 'month', amount_nano: String(2n ** 60n), spent_nano: '0', held_nano: '0' }],
    [{ case: 'rule' as const, value: { ruleId: 'rule_1', ruleTitle: 'T', policyVersion: 4n } }, { type: 'rule', rule_id: 'rule_1', title: 'T', policy_version: 4 }],
  ])('names what refused a call', (refusedBy, by) => {
    expect(refusedView({ refusedBy })).toEqual({ by, input: null });
    expect(refusedView(fromBinary(CallRefusedSchema, toBinary(CallRefusedSchema, create(CallRefusedSchema, { refusedBy }))))).toEqual({ by, input: null });
  });
});
