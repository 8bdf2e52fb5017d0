import { describe, expect, it } from '@jest/globals';
import type { TensorSpec } from '../../domain/deployment.ts';
import { WHOLE_ANSWER_LIMIT_BYTES } from '../../domain/limits.ts';
import { AnswerSize } from './answer-size.ts';

const BESIDE_DATA_BYTES = 1024;
const FIRST_ANSWER_BYTES = 64 * 1024;
const tensor = (name: string, datatype: string, ...shape: number[]): TensorSpec => ({ name, datatype, shape });
const given = (...shapes: number[][]) => shapes.map((shape, at) => ({ name: `x${at}`, datatype: 'FP32', shape: shape.map(BigInt) }));
const ALL: readonly { readonly name: string }[] = [];

describe('how long an answer of tensors will be', () => {
  it.each<[string, TensorSpec[], TensorSpec[], number[][], readonly { readonly name: string }[], number]>([
    ['all sizes are fixed', [tensor('x0', 'FP32', -1)], [tensor('a', 'FP32', 10, 2), tensor('b', 'UINT8', 3)], [[7]], ALL, 83],
    ['one of them alone is asked for', [tensor('x0', 'FP32', -1)], [tensor('a', 'FP32', 10, 2), tensor('b', 'BYTES', 3)], [[7]], [{ name: 'a' }], 80],
    ['the first size is that of the batch', [tensor('x0', 'FP32', -1, 4), tensor('x1', 'INT8', -1)], [tensor('a', 'FP64', -1, 100)], [[5, 4], [5]], ALL, 4_000],
    ['there is nothing in it', [tensor('x0', 'FP32', -1, 4)], [tensor('a', 'FP32', -1, 0)], [[5, 4]], ALL, 0],
  ])('is what its signature says where %s', (_what, inputs, outputs, shapes, asked, bytes) => {
    const size = new AnswerSize();
    for (let answer = 0; answer < 10; answer++) size.came(1_000_000);
    expect(size.expectedBytes({ inputs, outputs }, { inputs: given(...shapes), outputs: asked })).toBe(bytes + BESIDE_DATA_BYTES);
  });

  it.each<[string, TensorSpec[], TensorSpec[], number[][]]>([
    ['texts', [tensor('x0', 'FP32', 1)], [tensor('a', 'BYTES', 1)], [[1]]],
    ['a datatype that there is not', [tensor('x0', 'FP32', 1)], [tensor('a', 'FP7', 1)], [[1]]],
    ['an open size behind the first', [tensor('x0', 'FP32', -1)], [tensor('a', 'FP32', -1, -1)], [[1]]],
    ['inputs of different first sizes', [tensor('x0', 'FP32', -1), tensor('x1', 'FP32', -1)], [tensor('a', 'FP32', -1)], [[1], [2]]],
    ['an input whose first size is fixed', [tensor('x0', 'FP32', 3)], [tensor('a', 'FP32', -1)], [[3]]],
    ['a number instead of a batch', [tensor('x0', 'FP32')], [tensor('a', 'FP32', -1)], [[]]],
  ])('is what its answers were where the signature leaves it open: %s', (_what, inputs, outputs, shapes) => {
    const size = new AnswerSize();
    const expected = () => size.expectedBytes({ inputs, outputs }, { inputs: given(...shapes), outputs: ALL });
    expect(expected()).toBe(FIRST_ANSWER_BYTES + BESIDE_DATA_BYTES);
    size.came(1_064 * 1024);
    expect(expected()).toBe(FIRST_ANSWER_BYTES + 125 * 1024 + BESIDE_DATA_BYTES);
    for (let answer = 0; answer < 60; answer++) size.came(1_000_000);
    expect(expected()).toBeGreaterThan(998_000);
    for (let answer = 0; answer < 120; answer++) size.came(4);
    expect(expected()).toBeLessThan(BESIDE_DATA_BYTES + 10);
  });

  it('is never longer than an answer may be', () => {
    const outputs = [tensor('a', 'FP64', ...Array.from({ length: 32 }, () => 2 ** 52))];
    expect(new AnswerSize().expectedBytes({ inputs: [], outputs }, { inputs: [], outputs: ALL })).toBe(WHOLE_ANSWER_LIMIT_BYTES);
  });
});
