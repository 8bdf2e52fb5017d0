import { describe, expect, it } from '@jest/globals';
import type { TensorSpec } from '../../domain/deployment.ts';
import { requireJsonForm } from './json-outputs.ts';

const LIMIT_ELEMENTS = 131_072;
const tensor = (name: string, ...shape: number[]): TensorSpec => ({ name, datatype: 'FP32', shape });

/** How it went, and whether the server was asked whether it batches. */
async function asked(outputs: TensorSpec[], { names = [] as string[], wanted = [] as string[], batch = 1, takesBatches = false } = {}): Promise<[string | null | undefined, boolean]> {
  let isAsked = false;
  const signature = { inputs: [tensor('x', -1, 2)], outputs };
  const request = { inputs: [{ name: 'x', datatype: 'FP32', shape: [BigInt(batch), 2n] }], outputs: wanted.map((name) => ({ name })) };
  const refused = await requireJsonForm(names, signature, request, async () => ((isAsked = true), takesBatches)).then(() => undefined, ({ code, param }: { code: string; param: string }) => `${code} ${param}`);
  return [refused, isAsked];
}

describe('outputs that are wanted as JSON', () => {
  it('are refused where their fixed sizes are known to be too many, together', async () => {
    expect(await asked([tensor('a', LIMIT_ELEMENTS)])).toEqual([undefined, false]);
    expect(await asked([tensor('a', LIMIT_ELEMENTS), tensor('b', 1)])).toEqual(['invalid_value b', false]);
    expect(await asked([tensor('a', LIMIT_ELEMENTS), tensor('b', 1)], { wanted: ['a'] })).toEqual([undefined, false]);
    expect(await asked([tensor('a', LIMIT_ELEMENTS), tensor('b', 1)], { wanted: ['a', 'b'], names: ['b'] })).toEqual([undefined, false]);
  });

  it('are refused by the size of their batch where their server says that it batches', async () => {
    const outputs = [tensor('a', -1, 1_024)];
    expect(await asked(outputs, { batch: 128, takesBatches: true })).toEqual([undefined, false]);
    expect(await asked(outputs, { batch: 129, takesBatches: true })).toEqual(['invalid_value a', true]);
    expect(await asked(outputs, { batch: 129 })).toEqual([undefined, true]);
  });

  it('are left to their answer where a size is open', async () => {
    expect(await asked([tensor('a', -1, -1), tensor('b', 5, -1)], { batch: 1_000_000, takesBatches: true })).toEqual([undefined, false]);
  });
});
