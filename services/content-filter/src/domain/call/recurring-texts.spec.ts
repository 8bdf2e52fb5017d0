import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { ChatCallSchema, type ChatCall, type ChatEvent } from '@sluice/proto/chat/v1/chat';
import { CallFilter } from './call-filter.ts';
import type { Policy, TextDirection, TextStream } from './policy.ts';
import { RecurringTexts, recurringTextsOf } from './recurring-texts.ts';
import { delta, usage } from './testing/events.ts';
import { ScriptedPolicy } from './testing/scripted-policy.ts';

const turn = async (): Promise<void> => undefined;
const json = (value: unknown): Uint8Array => Buffer.from(JSON.stringify(value));

/** Remembers what was looked at. */
class WatchedPolicy extends ScriptedPolicy {
  readonly looked: string[] = [];

  override open(direction: TextDirection): TextStream {
    const stream = super.open(direction);
    const { looked } = this;
    return {
      get held() {
        return stream.held;
      },
      push(piece) {
        looked.push(`${direction} ${piece}`);
        return stream.push(piece);
      },
      end: () => stream.end(),
    };
  }
}

async function through(policy: Policy, { tool = 'look_up', said = 'hello', tokens = 120 } = {}): Promise<{ looked: string[]; told: unknown }> {
  const call: ChatCall = create(ChatCallSchema, {
    messages: json([{ role: 'user', content: said, name: tool }]),
    choices: 1,
    fields: [{ name: 'tools', json: json([{ type: 'function', function: { name: tool, description: 'Looks it up', parameters: { [tool]: { const: 4_711 } } } }]) }],
  });
  const filter = new CallFilter({ callId: 'c', organisationId: 'o', projectId: 'p' }, { policies: { of: () => policy }, hash: () => new Uint8Array(1) });
  const outcome = await filter.input(call, turn);
  const left: ChatEvent[] = outcome.action === 'block' ? [] : (await filter.output([delta(said), usage(JSON.stringify({ prompt_tokens: tokens, cost: tokens }))], true, turn)).events;
  const looked = policy instanceof WatchedPolicy ? policy.looked.splice(0) : [];
  return { looked, told: [outcome, left, filter.hits.all] };
}

describe('texts beside messages and answers', () => {
  it('are looked at once by one policy, in each direction; those of messages and answers every time', async () => {
    const policy = new WatchedPolicy([{ word: 'bad', action: 'mask' }]);
    const { looked } = await through(policy);
    expect(looked.toSorted()).toEqual(['in 4711', 'in Looks it up', 'in hello', 'in look_up', 'in look_up', 'out 120', 'out cost', 'out hello']);
    expect((await through(policy)).looked.toSorted()).toEqual(['in hello', 'in look_up', 'out hello']);
    expect((await through(policy, { tokens: 4_711 })).looked).toContain('out 4711');
    expect((await through(new WatchedPolicy([{ word: 'bad', action: 'mask' }]))).looked.toSorted()).toEqual(looked.toSorted());
  });

  it('are looked at again when something was found in them', async () => {
    for (const action of ['block', 'mask', 'flag'] as const) {
      const policy = new WatchedPolicy([{ word: 'look_up', action }, { word: '120', action: 'mask', direction: 'out' }]);
      const first = await through(policy);
      const second = await through(policy);
      expect(second.told).toEqual(first.told);
      expect(second.looked).toContain('in look_up');
    }
  });

  it('get the same verdict in one call after the other as in the first', async () => {
    const rules = [{ word: 'ab', action: 'mask' }, { word: 'ba', action: 'block', direction: 'in' }, { word: 'b1', action: 'flag' }, { word: '12', action: 'mask', direction: 'out' }] as const;
    const used = new ScriptedPolicy(rules);
    const short = (seed: number): string => [...(seed * 7_919).toString(3)].map((digit) => 'ab1'[Number(digit)]).join('').slice(-3);
    for (let seed = 1; seed < 400; seed++) {
      const some = { tool: short(seed), said: short(seed * 3 + 1), tokens: seed % 40 };
      expect((await through(used, some)).told).toEqual((await through(new ScriptedPolicy(rules), some)).told);
    }
  });
});

describe('RecurringTexts', () => {
  it('keeps texts of up to 1,024 units, and begins anew where there is no room', () => {
    const texts = new RecurringTexts();
    texts.add('x'.repeat(1_024));
    texts.add('x'.repeat(1_025));
    texts.add('\ud83d');
    expect(['x'.repeat(1_024), 'x'.repeat(1_025), '\ud83d', '\ude00'].map((text) => texts.has(text))).toEqual([true, false, true, false]);
    const names = Array.from({ length: 5_000 }, (_, index) => `name ${index}`);
    for (const name of names) texts.add(name);
    const kept = names.filter((name) => texts.has(name));
    expect(kept).toEqual(names.slice(-kept.length));
    expect(kept.length).toBeLessThan(3_500);
    expect(texts.has('x'.repeat(1_024))).toBe(false);
  });

  it('keeps nothing of the call that a text is a part of', () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const heapMib = (): number => (collect(), process.memoryUsage().heapUsed / 1_048_576);
    const texts = new RecurringTexts();
    const [calls, callUnits] = [64, 500_000];
    const before = heapMib();
    for (let call = 0; call < calls; call++) texts.add(Buffer.alloc(callUnits, `tool ${call} `).toString('latin1').slice(1_000, 1_400));
    const keptMib = heapMib() - before;
    expect(texts.has(Buffer.alloc(callUnits, 'tool 63 ').toString('latin1').slice(1_000, 1_400))).toBe(true);
    // The calls have 30 MiB together.
    expect(keptMib).toBeLessThan(10);
  });

  it('are those of one policy alone', () => {
    const policy = new ScriptedPolicy([]);
    recurringTextsOf(policy).in.add('name');
    expect(recurringTextsOf(policy).in.has('name')).toBe(true);
    expect(recurringTextsOf(policy).out.has('name')).toBe(false);
    expect(recurringTextsOf(new ScriptedPolicy([])).in.has('name')).toBe(false);
  });
});
