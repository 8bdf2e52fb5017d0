import { describe, expect, it } from '@jest/globals';
import type { Call } from './call.ts';
import { OutputVisibility, type ReportedOutput, type SeenOutput } from './output-visibility.ts';

const MODEL = { modelId: 'm', servedBy: ' d1', showsOutput: false };
const SEEN: SeenOutput = { tokens: 3, hasReasoning: false };

function asking(fields: Readonly<Record<string, unknown>> = {}): Call {
  const encoded = Object.entries(fields).map(([name, value]) => ({ name, json: Buffer.from(JSON.stringify(value)) }));
  return { model: 'chat', messages: Buffer.from('[]'), fields: encoded, stream: true, choices: 1 };
}

function shown(outputs: OutputVisibility, call = asking(), model = MODEL): boolean {
  return outputs.of(model, call).isShown;
}

function reported(outputTokens: bigint, reasoningTokens = 0n): ReportedOutput {
  return { outputTokens, reasoningTokens };
}

describe('the visibility of output', () => {
  it('is known beforehand where the protocol says each token, and else not until something is reported', () => {
    const outputs = new OutputVisibility();
    expect(outputs.of(MODEL, asking())).toMatchObject({ isShown: false, longestTokens: 0 });
    expect(shown(outputs, asking(), { ...MODEL, showsOutput: true })).toBe(true);
  });

  it.each<[string, ReportedOutput, SeenOutput, boolean]>([
    ['as much as was seen', reported(3n), SEEN, true],
    ['a token for each digit', reported(2_000n), { tokens: 500, hasReasoning: false }, true],
    ['far more', reported(5_000n), SEEN, false],
    ['a little thought of which nothing was seen', reported(67n, 64n), SEEN, false],
    ['much thought of which nothing was seen beside a long answer', reported(3_200n, 2_200n), { tokens: 1_000, hasReasoning: false }, false],
    ['thought that was seen', reported(67n, 64n), { tokens: 67, hasReasoning: true }, true],
    ['more thought than was seen of it', reported(5_000n, 4_900n), { tokens: 40, hasReasoning: true }, false],
  ])('is learned from a report of %s', (_what, report, seen, isShown) => {
    const outputs = new OutputVisibility();
    outputs.of(MODEL, asking()).note(report, seen);
    expect(shown(outputs)).toBe(isShown);
  });

  it('stays hidden once it was, and is believed over the protocol', () => {
    const outputs = new OutputVisibility();
    outputs.of(MODEL, asking()).note(reported(5_000n), SEEN);
    outputs.of(MODEL, asking()).note(reported(3n), SEEN);
    expect([shown(outputs), shown(outputs, asking(), { ...MODEL, showsOutput: true })]).toEqual([false, false]);
  });

  it('keeps the most that was reported of a choice', () => {
    const outputs = new OutputVisibility();
    for (const [tokens, choices] of [[3n, 1], [9_001n, 2], [700n, 1]] as const) outputs.of(MODEL, { ...asking(), choices }).note(reported(tokens), SEEN);
    expect(outputs.of(MODEL, asking()).longestTokens).toBe(4_501);
  });

  it('is learned for each model, for who serves it, and for how much thought is asked for', () => {
    const outputs = new OutputVisibility();
    outputs.of(MODEL, asking({ reasoning_effort: 'none' })).note(reported(3n), SEEN);
    const calls = [asking({ reasoning_effort: 'none', temperature: 1 }), asking({ reasoning_effort: 'high' }), asking(), asking({ thinking: { type: 'enabled' } })];
    expect(calls.map((call) => shown(outputs, call))).toEqual([true, false, false, false]);
    const others = [{ ...MODEL, modelId: 'other' }, { ...MODEL, servedBy: ' d1 d2' }];
    expect(others.map((model) => shown(outputs, asking({ reasoning_effort: 'none' }), model))).toEqual([false, false]);
  });

  it('is never taken as known where a call says too much about thought to be remembered', () => {
    const outputs = new OutputVisibility();
    const long = asking({ chat_template_kwargs: { system: 'x'.repeat(300) } });
    outputs.of(MODEL, long).note(reported(3n), SEEN);
    expect(shown(outputs, long)).toBe(false);
  });

  it('is remembered of a bounded number of kinds of calls', () => {
    const outputs = new OutputVisibility();
    for (let model = 0; model <= 10_000; model++) outputs.of({ ...MODEL, modelId: `m${model}` }, asking()).note(reported(3n), SEEN);
    expect(['m0', 'm1', 'm10000'].map((modelId) => shown(outputs, asking(), { ...MODEL, modelId }))).toEqual([false, true, true]);
  });
});
