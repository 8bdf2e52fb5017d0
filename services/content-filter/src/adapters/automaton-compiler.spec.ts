import { describe, expect, it } from '@jest/globals';
import type { Policy, TextDirection } from '../domain/call/policy.ts';
import type { Rule } from '../domain/rule.ts';
import { rule as ruleOf } from '../testing/rules.ts';
import { threadsStarted } from '../testing/threads.ts';
import { AutomatonCompiler } from './automaton-compiler.ts';

const compiler = new AutomatonCompiler();
const rule = (id: string, more: Partial<Rule> = {}): Rule => ruleOf(id, { patternCount: more.patterns?.length ?? 1, ...more });

/** What leaves of a text, and by which rules. */
function whole(policy: Policy, text: string, direction: TextDirection = 'in'): { text: string; rules: string[]; blockedBy?: string } {
  const stream = policy.open(direction);
  const pushed = stream.push(text);
  const ended = pushed.blockedBy === undefined ? stream.end() : { text: '', matches: [] };
  const blockedBy = pushed.blockedBy ?? ended.blockedBy;
  const rules = [...pushed.matches, ...ended.matches].map((match) => policy.rule(match.rule).id);
  return { text: pushed.text + ended.text, rules, ...(blockedBy === undefined ? {} : { blockedBy: policy.rule(blockedBy).id }) };
}

async function policyOf(...parts: (readonly Rule[])[]): Promise<Policy> {
  return compiler.policy(1n, await Promise.all(parts.map((rules) => compiler.compile(rules))));
}

describe('a compiled policy', () => {
  it('applies words, expressions and personal data beside each other, each by its action', async () => {
    const policy = await policyOf([
      rule('mask', { patterns: ['bluebird', '敏感词'], action: 'mask' }),
      rule('flag', { kind: 'regex', patterns: ['tick(et)?-[0-9]+'], action: 'flag' }),
      rule('mail', { kind: 'pii:email', patterns: [], action: 'mask' }),
      rule('number', { kind: 'regex', patterns: ['[0-9]{4}x'], action: 'mask' }),
      rule('block', { patterns: ['badger'] }),
    ]);
    expect(whole(policy, 'a BlueBird and 敏感词 of ticket-17 to jane@example.com, 1234x')).toEqual({
      text: 'a ******** and *** of ticket-17 to j***@example.com, *****', rules: ['mask', 'mask', 'flag', 'mail', 'number'],
    });
    expect(whole(policy, 'then a badger and bluebird')).toMatchObject({ text: 'then a ', blockedBy: 'block' });
  });

  it('applies the rules of a project beside those of the organisation, and tells them apart', async () => {
    const [ours, theirs] = [[rule('badger'), rule('mail', { kind: 'pii:email', patterns: [] })], [rule('otter', { projectId: 'p' }), rule('digits', { kind: 'regex', patterns: ['[0-9]{9}'], projectId: 'p' })]];
    const policy = await policyOf(ours, theirs);
    expect(['a badger', 'an otter', 'jane@example.com ', '123456789 '].map((text) => whole(policy, text).blockedBy)).toEqual(['badger', 'otter', 'mail', 'digits']);
    const alone = await policyOf(theirs);
    expect(['a badger', 'an otter', '123456789 '].map((text) => whole(alone, text).blockedBy)).toEqual([undefined, 'otter', 'digits']);
  });

  it('looks in the directions of its rules alone, and holds nothing of the other', async () => {
    const policy = await policyOf([rule('badger', { direction: 'in' }), rule('otter'), rule('mail', { kind: 'pii:email', patterns: [], direction: 'out' }), rule('digits', { kind: 'regex', patterns: ['[0-9]{9}'], direction: 'in' })]);
    const found = (direction: TextDirection) => ['a badger', 'an otter', 'jane@example.com ', '123456789 '].map((text) => whole(policy, text, direction).blockedBy);
    expect([found('in'), found('out')]).toEqual([['badger', 'otter', undefined, 'digits'], [undefined, 'otter', 'mail', undefined]]);
    const input = await policyOf([rule('badger', { direction: 'in' }), rule('fine', { action: 'allow' })]);
    expect([input.filtersInput, input.filtersOutput]).toEqual([true, false]);
    const stream = input.open('out');
    expect([stream.push('a badge'), stream.held]).toEqual([{ text: 'a badge', matches: [] }, 0]);
  });

  it('lets nothing match inside of allowed words, of a project as of the organisation', async () => {
    const words = [rule('hash', { patterns: ['cunthorp', 'hash'] }), rule('place', { patterns: ['hash table'], action: 'allow' })];
    const policy = await policyOf(words, [rule('more', { patterns: ['hash brown'], action: 'allow', projectId: 'p' })]);
    expect(['a hash table', 'a hash brown', 'a hash'].map((text) => whole(policy, text).blockedBy)).toEqual([undefined, undefined, 'hash']);
    expect(whole(policy, 'a hash table')).toEqual({ text: 'a hash table', rules: [] });
  });

  it('masks alone, where what is blocked is kept', async () => {
    const policy = await policyOf([rule('badger'), rule('mail', { kind: 'pii:email', patterns: [], action: 'mask' }), rule('otter', { action: 'mask', direction: 'out' })]);
    const text = 'jane@example.com, a badger and an otter to john@example.com';
    expect(whole(policy, text)).toMatchObject({ text: 'j***@example.com, a ', blockedBy: 'badger' });
    expect(whole(policy.masksAlone, text)).toMatchObject({ text: 'j***@example.com, a badger and an otter to j***@example.com', rules: ['mail', 'badger', 'mail'] });
    expect(policy.masksAlone).toMatchObject({ version: 1n, filtersInput: true, filtersOutput: true });
  });

  it('shows nothing of a word in the form that personal data keeps', async () => {
    const policy = await policyOf([rule('mail', { kind: 'pii:email', patterns: [], action: 'mask' }), rule('word', { patterns: ['bluebird'], action: 'mask' })]);
    expect(whole(policy, 'to jane@example.com').text).toBe('to j***@example.com');
    const { text } = whole(policy, 'to jane@bluebird.com now');
    expect(text).toBe(`to ${'*'.repeat('jane@bluebird.com'.length)} now`);
  });

  it('is told apart by its version alone from the same rules', async () => {
    const part = await compiler.compile([rule('badger')]);
    const [one, two] = [compiler.policy(1n, [part]), compiler.policy(2n, [part])];
    expect([one.version, two.version, whole(one, 'badger').blockedBy, whole(two, 'badger').blockedBy]).toEqual([1n, 2n, 'badger', 'badger']);
    expect(compiler.policy(0n, [])).toMatchObject({ filtersInput: false, filtersOutput: false });
    expect(whole(compiler.policy(0n, []), 'anything')).toEqual({ text: 'anything', rules: [] });
  });

  it('takes long lists over from before, whatever becomes of the rules beside them', async () => {
    const list = (id: string, more: Partial<Rule> = {}): Rule => rule(id, { patterns: Array.from({ length: 20_000 }, (_, index) => `${id}${index}`), ...more });
    const [first, one, two, last] = [rule('first'), list('one'), list('two', { projectId: 'p' }), rule('last', { kind: 'regex', patterns: ['las+t'] })];
    let before = await compiler.compile([first, one, last]);
    const steps: readonly (readonly Rule[])[] = [[one, last], [rule('second'), one], [rule('zero'), rule('second'), one, rule('more', { kind: 'regex', patterns: ['mo+re'] })]];
    for (const rules of steps) {
      const [threads, after] = await threadsStarted(() => compiler.compile(rules, before));
      expect(threads).toBe(0);
      const policy = compiler.policy(1n, [after, await compiler.compile([rule('ours', { projectId: 'p' })])]);
      for (const { id, kind } of [...rules, { id: 'ours', kind: 'word' }]) {
        const text = id === 'one' ? 'one19999' : kind === 'regex' ? { last: 'lasst', more: 'moore' }[id]! : id;
        expect({ text, by: whole(policy, `a ${text} `).blockedBy }).toEqual({ text, by: id });
      }
      expect(whole(policy, 'first ').blockedBy).toBeUndefined();
      before = after;
    }
    const [threads, changed] = await threadsStarted(() => compiler.compile([two], before));
    expect([threads, whole(compiler.policy(1n, [changed]), 'one1 two1 ').blockedBy]).toEqual([1, 'two']);
  });

  it('takes lists of many characters over from before, too', async () => {
    const long = rule('long', { patterns: Array.from({ length: 4_001 }, (_, index) => `${index}`.padEnd(100, 'x')) });
    const before = await compiler.compile([rule('first'), long]);
    const [threads, after] = await threadsStarted(() => compiler.compile([long, rule('second')], before));
    expect([threads, whole(compiler.policy(1n, [after]), `a ${'4000'.padEnd(100, 'x')} `).blockedBy, whole(compiler.policy(1n, [after]), 'second ').blockedBy]).toEqual([0, 'long', 'second']);
  });

  it('takes expressions over from before, with what texts have taught of them', async () => {
    const [one, two] = [rule('one', { kind: 'regex', patterns: ['one+x'] }), rule('two', { kind: 'regex', patterns: ['two+x'] })];
    const before = await compiler.compile([one, two]);
    const after = await compiler.compile([two, rule('three', { kind: 'regex', patterns: ['three+x'] }), rule('badger')], before);
    const automata = (part: typeof before) => new Map(part.regexes.map(({ number, regex }) => [part.rules.get(number)!.id, regex]));
    expect([...automata(after).keys()]).toEqual(['two', 'three']);
    expect(automata(after).get('two')).toBe(automata(before).get('two'));
    const policy = compiler.policy(2n, [after]);
    expect(['one: onex ', 'twox ', 'threeex ', 'badger '].map((text) => whole(policy, text).blockedBy)).toEqual([undefined, 'two', 'three', 'badger']);
  });

  it('lets others have their turn while many expressions are compiled', async () => {
    const rules = Array.from({ length: 200 }, (_, index) => rule(`r${index}`, { kind: 'regex', patterns: [`r${index}[a-z]+x`] }));
    let turns = 0;
    const others = setImmediate(function turn() {
      if (++turns < 5) setImmediate(turn);
    });
    await compiler.compile(rules);
    clearImmediate(others);
    expect(turns).toBe(5);
  });

  it('is refused when there is no room for its words, by field and mend, and ended by whoever waits for it', async () => {
    const alike = Array.from({ length: 300 }, (_, index) => `z${'a'.repeat(1 + index % 20)}${'b'.repeat(1 + Math.floor(index / 20))}z`);
    await expect(compiler.compile([rule('alike', { patterns: alike })])).rejects.toMatchObject({ code: 'invalid_value', param: 'patterns', message: expect.stringContaining('leave some words out') });
    const [one, two] = [alike.slice(0, 150), alike.slice(150)];
    await expect(compiler.compile([rule('one', { patterns: one }), rule('two', { patterns: two })])).resolves.toBeDefined();
    await expect(compiler.compile([rule('many', { patterns: alike.slice(0, 250) })], undefined, AbortSignal.abort())).rejects.toThrow();
  });

  it('is built on another thread when it has many words', async () => {
    const words = Array.from({ length: 20_000 }, (_, index) => `planted${index}`);
    const [threads, policy] = await threadsStarted(() => policyOf([rule('many', { patterns: words }), rule('few')]));
    expect(threads).toBe(1);
    expect([whole(policy, 'a planted19999').blockedBy, whole(policy, 'a planted20000').blockedBy]).toEqual(['many', undefined]);
    const [none] = await threadsStarted(() => policyOf([rule('few', { patterns: words.slice(0, 200) })]));
    expect(none).toBe(0);
  });
});

describe('what a text costs', () => {
  it('is told with its matches, also those at its end, and with what is read twice', async () => {
    const policy = await policyOf([rule('badger', { action: 'flag' }), rule('mail', { kind: 'pii:email', patterns: [], action: 'flag' })]);
    const cost = (...pieces: string[]): number => {
      let spent = 0;
      const stream = policy.open('in', (steps) => (spent += steps));
      for (const piece of pieces) stream.push(piece);
      stream.end();
      return spent;
    };
    expect(cost('0123456789')).toBe(20);
    expect([cost('a badger a'), cost('the badger')]).toEqual([20 + 32, 20 + 32]);
    // From the mark on.
    expect([cost('012345¹789'), cost('012', '345¹7', '89')]).toEqual([24, 24]);
    // As the engine is used again for the next text.
    expect([cost('0123456789'), cost('012345¹789')]).toEqual([20, 24]);
  });
});

describe('the parts of expressions', () => {
  it('are counted with their counts written out', async () => {
    expect(await compiler.partsOf([])).toBe(0);
    const [one, many] = [await compiler.partsOf(['a']), await compiler.partsOf(['[\\w ]{1,200}'])];
    expect([one, many]).toEqual([2, 400]);
    expect(await compiler.partsOf(Array.from({ length: 120 }, () => '[\\w ]{1,200}'))).toBe(120 * many);
  });
});

describe('a rule alone', () => {
  it('is refused with the position when its expression is not linear, or none', async () => {
    for (const [pattern, position] of [['a(b|c)\\1', 6], ['ab(?=c)', 2], ['a(b', 3], ['x*', 0], ['(a{99}){99}', 1]] as const) {
      const refusal = await compiler.refuseUnfit(rule('r', { kind: 'regex', patterns: [pattern] })).catch((thrown: unknown) => thrown);
      expect(refusal).toMatchObject({ code: 'invalid_value', param: 'patterns' });
      expect({ pattern, message: String(refusal) }).toEqual({ pattern, message: expect.stringMatching(new RegExp(`Invalid \`patterns\`: .*at position ${position}\\.$`)) });
    }
  });

  it('is refused when nothing could match one of its words, which is told by its number', async () => {
    const words = [...Array.from({ length: 700 }, (_, index) => `w${index}`), '\u200b\u200d'];
    await expect(compiler.refuseUnfit(rule('r', { patterns: words }))).rejects.toMatchObject({ code: 'invalid_value', param: 'patterns', message: expect.stringContaining('word 701') });
  });

  it('flags what it may mean, whatever it does, also inside of longer words', async () => {
    for (const action of ['block', 'mask', 'allow'] as const) {
      const alone = await compiler.alone(rule('badger', { action, direction: 'out' }));
      expect(whole(alone, 'no badgers')).toEqual({ text: 'no badgers', rules: ['badger'] });
    }
  });
});
