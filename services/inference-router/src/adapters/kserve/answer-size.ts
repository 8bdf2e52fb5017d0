import { ELEMENT_BYTES } from '@sluice/kserve';
import type { Signature, TensorSpec } from '../../domain/deployment.ts';
import { WHOLE_ANSWER_LIMIT_BYTES } from '../../domain/limits.ts';
import type { AskedTensor } from '../../domain/tensor-request.ts';

/** Names, shapes and parameters beside the data. */
const BESIDE_DATA_BYTES = 1024;
/** Of the first answer of a model whose signature leaves it open nobody knows how long it will be. */
const FIRST_ANSWER_BYTES = 64 * 1024;
/** Each answer counts an eighth of the mean: a long one is remembered for a while, and throttles nobody alone. */
const LATEST_SHARE = 1 / 8;

/** What is asked, as far as the length of its answer depends on it. */
export interface Asked {
  readonly inputs: readonly AskedTensor[];
  /** All that the model gives where none is named. */
  readonly outputs: readonly { readonly name: string }[];
}

/**
 * How long the answers of one model will be, before it is asked: they come in one piece. What its signature says counts;
 * where that leaves it open, the mean of the answers so far, because it is the sum of many that must find room.
 */
export class AnswerSize {
  #meanBytes = FIRST_ANSWER_BYTES;

  expectedBytes(signature: Signature, asked: Asked): number {
    return Math.ceil(Math.min(dataBytes(signature, asked) ?? this.#meanBytes, WHOLE_ANSWER_LIMIT_BYTES - BESIDE_DATA_BYTES)) + BESIDE_DATA_BYTES;
  }

  /** An answer was this long. */
  came(bytes: number): void {
    this.#meanBytes += (bytes - this.#meanBytes) * LATEST_SHARE;
  }
}

/** Undefined where the signature leaves it open: texts, and sizes that are neither fixed nor those of the batch. */
function dataBytes(signature: Signature, { inputs, outputs }: Asked): number | undefined {
  const batch = batchSize(signature, inputs);
  let sum = 0;
  for (const { datatype, shape } of outputsOf(signature, outputs)) {
    const [elementBytes, elements] = [ELEMENT_BYTES.get(datatype), elementsOf(shape, batch)];
    if (elementBytes === undefined || elements === undefined) return undefined;
    sum += elements * elementBytes;
  }
  return sum;
}

/** What is given of these; of none: all. */
export function outputsOf({ outputs }: Signature, named: readonly { readonly name: string }[]): readonly TensorSpec[] {
  return named.length === 0 ? outputs : outputs.filter(({ name }) => named.some((one) => one.name === name));
}

/** Undefined where a size is open. @param batch what stands for an open first size */
export function elementsOf(shape: readonly number[], batch: number | undefined): number | undefined {
  const sizes = shape.map((size, at) => (size === -1 && at === 0 ? batch : size));
  if (sizes.some((size) => size === undefined || size < 0)) return undefined;
  return sizes.includes(0) ? 0 : sizes.reduce<number>((product, size) => product * size!, 1);
}

/** The first size of all inputs, where all tensors of the model begin with an open one: so servers that batch describe it. */
export function batchSize(signature: Signature, inputs: readonly AskedTensor[]): number | undefined {
  const first = inputs[0]?.shape[0];
  const isBatch = [...signature.inputs, ...signature.outputs].every(beginsOpen) && inputs.every(({ shape }) => shape[0] === first);
  return isBatch && first !== undefined ? Number(first) : undefined;
}

function beginsOpen({ shape }: TensorSpec): boolean {
  return shape[0] === -1;
}
