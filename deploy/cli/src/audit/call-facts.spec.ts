import { describe, expect, it } from '@jest/globals';
import type { RecordedCall } from '../platform-api/answers.ts';
import { completedCall } from '../testing/scripted-call.ts';
import { proveFacts } from './call-facts.ts';

const call = completedCall();
const opened = new Map(call.evidence.openings.map(({ name, value }) => [name, Buffer.from(value, 'base64')]));
const shown = call.shown as unknown as RecordedCall;
const prove = (change: object) => () => proveFacts('call.completed', opened, { ...shown, ...change });

describe('the facts of a call', () => {
  it('are what its leaf commits to: what it cost, what was held and what rules found', () => {
    expect(prove({})).not.toThrow();
    const { governed } = shown;
    expect(prove({ cost_nano: '34' })).toThrow(/cost/);
    expect(prove({ cost_nano: '34', governed: { ...governed, cost_nano: '34' } })).toThrow(/result/);
    expect(prove({ governed: { ...governed, hold: null } })).toThrow(/result/);
    expect(prove({ governed: { ...governed, stopped_by: 'budget' } })).toThrow(/result/);
    expect(prove({ governed: { ...governed, input: null } })).toThrow(/result/);
    expect(prove({ governed: { ...governed, output: { ...governed!.output!, hits: [] } } })).toThrow(/result/);
    expect(prove({ governed: null })).toThrow(/result/);
    const changes = governed!.parameters!;
    expect(prove({ governed: { ...governed, parameters: undefined } })).toThrow(/result/);
    expect(prove({ governed: { ...governed, parameters: [{ ...changes[0]!, asked: 1.5 }, ...changes.slice(1)] } })).toThrow(/result/);
    expect(prove({ governed: { ...governed, parameters: [...changes].reverse() } })).toThrow(/result/);
  });

  it('are the whole cost: what is billed with the overrun, which is shown beside it', () => {
    const paid = (costNano: string, overrunNano: string) => ({ cost_nano: costNano, overrun_nano: overrunNano, governed: { ...shown.governed, cost_nano: costNano, overrun_nano: overrunNano } });
    const result = JSON.stringify([...(JSON.parse(opened.get('result')!.toString()) as unknown[]).slice(0, -1), { ...shown.governed, cost_nano: '942', overrun_nano: '42' }]);
    const proving = (change: object) => () => proveFacts('call.completed', new Map([...opened, ['result', Buffer.from(result)]]), { ...shown, ...change } as RecordedCall);
    expect(proving(paid('900', '42'))).not.toThrow();
    for (const [cost, overrun] of [['942', '0'], ['942', '42'], ['899', '43'], ['900', '']] as const) expect(proving(paid(cost, overrun))).toThrow(/result|cost/);
    expect(proving({ ...paid('900', '42'), overrun_nano: '41' })).toThrow(/overrun/);
  });

  it('say that somebody cut the answer only where the leaf does', () => {
    expect(prove({ cut_by: 'rule' })).toThrow(/cut/);
    expect(prove({ cut_by: 'budget' })).toThrow(/cut/);
    const cut = { ...shown.governed!, stopped_by: 'budget', output: { ...shown.governed!.output!, action: 'block' } };
    const result = JSON.stringify([...(JSON.parse(opened.get('result')!.toString()) as unknown[]).slice(0, -1), cut]);
    for (const by of ['rule', 'budget', null, undefined]) expect(() => proveFacts('call.completed', new Map([...opened, ['result', Buffer.from(result)]]), { ...shown, governed: cut, cut_by: by })).not.toThrow();
  });

  it('of a record from before there was money are those that it has, and nothing else may be shown', () => {
    const older = JSON.stringify((JSON.parse(opened.get('result')!.toString()) as unknown[]).slice(0, 10));
    const before = new Map([...opened, ['result', Buffer.from(older)]]);
    expect(() => proveFacts('call.completed', before, { ...shown, governed: null })).not.toThrow();
    expect(() => proveFacts('call.completed', before, shown)).toThrow(/result/);
  });

  it('of a refusal are what refused it', () => {
    const by = { by: { type: 'limit', level: 'key', subject_id: 'key_1', kind: 'requests_per_minute', limit: 60 }, input: null };
    const refused = { ...shown, status: 'refused', error_code: 'rate_limit_exceeded', http_status: 429, governed: null, refused: by } as RecordedCall;
    const resultOf = (...last: unknown[]) => new Map([...opened, ['result', Buffer.from(JSON.stringify(['rate_limit_exceeded', 429, '', Date.parse(shown.ended_at!), ...last]))]]);
    const proving = (last: unknown[], given: RecordedCall) => () => proveFacts('call.refused', resultOf(...last), given);
    expect(proving([by], refused)).not.toThrow();
    expect(proving([{ ...by, by: { ...by.by, limit: 61 } }], refused)).toThrow(/result/);
    expect(proving([by], { ...refused, refused: null })).toThrow(/result/);
    expect(proving([{ by: null, input: null }], { ...refused, refused: null })).not.toThrow();
    expect(proving([], { ...refused, refused: null })).not.toThrow();
    expect(proving([], refused)).toThrow(/result/);
  });
});
