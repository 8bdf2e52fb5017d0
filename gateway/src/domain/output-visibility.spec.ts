import { describe, expect, it } from '@jest/globals';
import type { Call } from './call.ts';
import { OutputVisibility, type ReportedOutput, type SeenOutput } from './output-visibility.ts';

const MODEL = { modelId: 'm', servedBy: ' d1', showsOutput: false };
const SEEN: SeenOutput = { tokens: 3, hasReasoning: false };

function asking(fields: Readonly<Record<string, unknown>> = {}): Call {
  const encoded = Object.entries(fields).map(([name, value]) => ({ name, json: Buffer.from(JSON.stringify(value)) }));
  return { model: 'chat', messages: Buffer.from('[]'), fields: encoded, stream: true, choices: 1 };
}

function reported(outputTokens: bigint, reasoningTokens = 0n): ReportedOutput {
  return { outputTokens, reasoningTokens };
}

describe('the visibility of output', () => {
  it('is known beforehand where the protocol says each token, and else not until something is reported', () => {
    const outputs = new OutputVisibility();
    expect([outputs.of(MODEL, asking()).visibility, outputs.of({ ...MODEL, showsOutput: true }, asking()).visibility]).toEqual(['unknown', 'shown']);
  });

  it.each<[string, ReportedOutput, SeenOutput, string]>([
    ['as much as was seen', reported(3n), SEEN, 'shown'],
    ['more tokens than are counted for digits', reported(1_256n), { tokens: 400, hasReasoning: false }, 'shown'],
    ['far more', reported(5_000n), SEEN, 'hidden'],
    ['a little thought of which nothing was seen', reported(67n, 64n), SEEN, 'hidden'],
    ['thought that was seen', reported(67n, 64n), { tokens: 67, hasReasoning: true }, 'shown'],
    ['more thought than was seen of it', reported(5_000n, 4_900n), { tokens: 40, hasReasoning: true }, 'hidden'],
  ])('is learned from a report of %s', (_what, report, seen, visibility) => {
    const outputs = new OutputVisibility();
    outputs.of(MODEL, asking()).note(report, seen);
    expect(outputs.of(MODEL, asking()).visibility).toBe(visibility);
  });

  it('stays hidden once it was, and is believed over the protocol', () => {
    const outputs = new OutputVisibility();
    outputs.of(MODEL, asking()).note(reported(5_000n), SEEN);
    outputs.of(MODEL, asking()).note(reported(3n), SEEN);
    expect([outputs.of(MODEL, asking()).visibility, outputs.of({ ...MODEL, showsOutput: true }, asking()).visibility]).toEqual(['hidden', 'hidden']);
  });

  it('is learned for each model, for who serves it, and for how much thought is asked for', () => {
    const outputs = new OutputVisibility();
    outputs.of(MODEL, asking({ reasoning_effort: 'none' })).note(reported(3n), SEEN);
    const known = [asking({ reasoning_effort: 'none', temperature: 1 }), asking({ reasoning_effort: 'high' }), asking(), asking({ thinking: { type: 'enabled' } })];
    expect(known.map((call) => outputs.of(MODEL, call).visibility)).toEqual(['shown', 'unknown', 'unknown', 'unknown']);
    const served = [{ ...MODEL, modelId: 'other' }, { ...MODEL, servedBy: ' d1 d2' }];
    expect(served.map((model) => outputs.of(model, asking({ reasoning_effort: 'none' })).visibility)).toEqual(['unknown', 'unknown']);
  });

  it('is never taken as known where a call says too much about thought to be remembered', () => {
    const outputs = new OutputVisibility();
    const long = asking({ chat_template_kwargs: { system: 'x'.repeat(300) } });
    outputs.of(MODEL, long).note(reported(3n), SEEN);
    expect(outputs.of(MODEL, long).visibility).toBe('unknown');
  });

  it('is remembered of a bounded number of kinds of calls', () => {
    const outputs = new OutputVisibility();
    for (let model = 0; model <= 10_000; model++) outputs.of({ ...MODEL, modelId: `m${model}` }, asking()).note(reported(3n), SEEN);
    expect(['m0', 'm1', 'm10000'].map((modelId) => outputs.of({ ...MODEL, modelId }, asking()).visibility)).toEqual(['unknown', 'shown', 'shown']);
  });
});
