import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { JsonEnd } from './json-end.ts';
import { sample, seededRandom, type SampleSettings } from './sample.ts';

const plain: SampleSettings = { temperature: 1, topK: 0, topP: 1, minP: 0, frequencyPenalty: 0, presencePenalty: 0, repetitionPenalty: 1, bias: new Map() };
const none = new Map<number, number>();

const distribution = fc
  .array(fc.double({ min: 0.001, max: 1, noNaN: true }), { minLength: 2, maxLength: 8 })
  .map((weights) => new Map(weights.map((weight, token) => [token, weight / weights.reduce((sum, one) => sum + one, 0)])));
const uniform = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

const likeliest = (probabilities: ReadonlyMap<number, number>): number => Math.max(...probabilities.values());

describe('sample', () => {
  it('draws each token as often as the model holds it likely', () => {
    const random = seededRandom(1);
    const probabilities = new Map([[7, 0.6], [8, 0.3], [9, 0.1]]);
    const counts = new Map<number, number>();
    for (let draw = 0; draw < 20_000; draw++) {
      const token = sample(probabilities, plain, none, random);
      counts.set(token, (counts.get(token) ?? 0) + 1);
    }
    for (const [token, probability] of probabilities) expect(counts.get(token)! / 20_000).toBeCloseTo(probability, 1.5);
  });

  it('chooses the likeliest with temperature 0, top_k 1, a tiny top_p or a min_p of 1', () => {
    fc.assert(
      fc.property(distribution, uniform, (probabilities, random) => {
        for (const settings of [{ temperature: 0 }, { topK: 1 }, { topP: 1e-9 }, { minP: 1 }]) {
          const token = sample(probabilities, { ...plain, ...settings }, none, () => random);
          expect(probabilities.get(token)).toBeCloseTo(likeliest(probabilities), 9);
        }
      }),
    );
  });

  it('never chooses what top_k or min_p excludes', () => {
    fc.assert(
      fc.property(distribution, uniform, fc.integer({ min: 1, max: 8 }), uniform, (probabilities, random, topK, minP) => {
        const token = sample(probabilities, { ...plain, topK, minP }, none, () => random);
        const ranked = [...probabilities.values()].sort((a, b) => b - a);
        expect(probabilities.get(token)!).toBeGreaterThanOrEqual(ranked[Math.min(topK, ranked.length) - 1]! * 0.999999);
        expect(probabilities.get(token)!).toBeGreaterThanOrEqual(likeliest(probabilities) * minP * 0.999999);
      }),
    );
  });

  it('turns to another token by bias and by each penalty', () => {
    const probabilities = new Map([[1, 0.6], [2, 0.4]]);
    const said = new Map([[1, 2]]);
    const greedy = { ...plain, temperature: 0 };
    expect(sample(probabilities, greedy, said, () => 0)).toBe(1);
    expect(sample(probabilities, { ...greedy, bias: new Map([[1, -100]]) }, said, () => 0)).toBe(2);
    expect(sample(probabilities, { ...greedy, presencePenalty: 1 }, said, () => 0)).toBe(2);
    expect(sample(probabilities, { ...greedy, frequencyPenalty: 0.3 }, said, () => 0)).toBe(2);
    expect(sample(probabilities, { ...greedy, repetitionPenalty: 2 }, said, () => 0)).toBe(2);
    expect(sample(probabilities, { ...greedy, presencePenalty: 1 }, none, () => 0)).toBe(1);
  });
});

describe('seededRandom', () => {
  it('repeats itself with the same seed, differs with another, and stays in [0, 1)', () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 32 - 1 }), (seed) => {
        const take = (from: number) => ((random) => Array.from({ length: 5 }, random))(seededRandom(from));
        expect(take(seed)).toEqual(take(seed));
        expect(take(seed)).not.toEqual(take(seed + 1));
        for (const value of take(seed)) expect(value >= 0 && value < 1).toBe(true);
      }),
    );
  });
});

describe('JsonEnd', () => {
  it('sees the end of a value at its last character, and not before', () => {
    fc.assert(
      fc.property(fc.oneof(fc.object(), fc.array(fc.jsonValue()), fc.string()), (value) => {
        const text = JSON.stringify(value);
        const end = new JsonEnd();
        expect(text.split('').findIndex((unit) => end.push(unit))).toBe(text.length - 1);
      }),
    );
  });
});
