import { ServiceError } from '@sluice/errors';
import { TEXT_INPUTS, TEXT_OUTPUTS } from '@sluice/kserve';
import type { ModelMetadataResponse, ModelMetadataResponse_TensorMetadata } from '@sluice/proto/kserve';
import type { Signature, TensorSpec } from '../../domain/deployment.ts';

/** What makes a model one of language. */
const PROMPT = 'text_input';

/** Whether a model takes text. */
export function isLanguageModel({ inputs }: Signature): boolean {
  return inputs.some(({ name, datatype }) => name === PROMPT && datatype === 'BYTES');
}

/** @throws backend_unavailable, with a reason for the operator, when a language model lacks tensors of the text contract */
export function requireTextContract({ inputs, outputs }: Signature): void {
  const lacking = [...missing(TEXT_INPUTS, inputs), ...missing(TEXT_OUTPUTS, outputs)];
  if (lacking.length === 0) return;
  throw new ServiceError('backend_unavailable', `The model at its server lacks tensors of the text contract (that of Triton's vLLM backend): ${lacking.join(', ')}.`);
}

/** @throws backend_unavailable when the server's model has other tensors than the version that is deployed */
export function requireSignature(registered: Signature, found: ModelMetadataResponse): void {
  if (isSame(registered.inputs, found.inputs) && isSame(registered.outputs, found.outputs)) return;
  throw new ServiceError('backend_unavailable', 'The model at its server has other tensors than it had when it was added. Add it again to use it as it is now.');
}

function missing(wanted: readonly { readonly name: string; readonly datatype: string }[], there: readonly TensorSpec[]): string[] {
  return wanted.filter(({ name, datatype }) => !there.some((tensor) => tensor.name === name && tensor.datatype === datatype)).map(({ name }) => name);
}

function isSame(registered: readonly TensorSpec[], found: readonly ModelMetadataResponse_TensorMetadata[]): boolean {
  const line = ({ name, datatype, shape }: { readonly name: string; readonly datatype: string; readonly shape: readonly (number | bigint)[] }): string => `${name} ${datatype} ${shape.map(String).join(',')}`;
  return registered.map(line).toSorted().join('\n') === found.map(line).toSorted().join('\n');
}
