import { ServiceError } from '@sluice/errors';
import type { Signature, TensorSpec } from './deployment.ts';

/** A tensor as a call has it. */
export interface AskedTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly bigint[];
}

/**
 * Says what of a request the model cannot take, in words of our own: a server's may quote what no rule has looked at.
 * Which inputs may be left out only the server knows.
 *
 * @throws ServiceError `invalid_value`, with the tensor as its parameter
 */
export function requireAcceptable(signature: Signature, inputs: readonly AskedTensor[], outputs: readonly { readonly name: string }[]): void {
  for (const { name, datatype, shape } of inputs) {
    const spec = signature.inputs.find((one) => one.name === name);
    if (!spec) throw refused(`The model has no input of that name. It takes ${shown(signature.inputs)}.`, name);
    const isFitting = spec.shape.length === shape.length && spec.shape.every((size, at) => size === -1 || BigInt(size) === shape[at]);
    if (spec.datatype !== datatype || !isFitting) throw refused(`The model takes ${shown([spec])}, where -1 stands for any size, and this input is ${datatype} [${shape.join(', ')}].`, name);
  }
  const unknown = outputs.find(({ name }) => !signature.outputs.some((one) => one.name === name));
  if (unknown) throw refused(`The model has no output of that name. It gives ${shown(signature.outputs)}.`, unknown.name);
}

function refused(message: string, param: string): ServiceError {
  return new ServiceError('invalid_value', message, { param });
}

function shown(tensors: readonly TensorSpec[]): string {
  return tensors.map(({ name, datatype, shape }) => `\`${name}\` ${datatype} [${shape.join(', ')}]`).join(', ');
}
