import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import type { ChatCall } from '@sluice/proto/chat/v1/chat';
import { ModelInferRequestSchema, ModelInferResponseSchema } from '@sluice/proto/kserve';
import type { EventInit } from './house.ts';
import { started } from './house.ts';

/** What a model of tensors answers that gives each input back as an output of its name. */
export async function* echoedTensors({ model, tensors }: ChatCall): AsyncGenerator<EventInit[]> {
  yield [started(), { event: { case: 'tensors', value: { response: echoOf(model, tensors) } } }, oneUnit()];
}

/** What such a call counts as. */
export function oneUnit(): EventInit {
  return { event: { case: 'usage', value: { inputTokens: 1n } } };
}

function echoOf(model: string, tensors: Uint8Array): Uint8Array {
  const { id, inputs, rawInputContents } = fromBinary(ModelInferRequestSchema, tensors);
  return toBinary(ModelInferResponseSchema, create(ModelInferResponseSchema, {
    modelName: model, modelVersion: '1', id, outputs: inputs.map(({ name, datatype, shape }) => ({ name, datatype, shape })), rawOutputContents: rawInputContents,
  }));
}
