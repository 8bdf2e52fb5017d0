import { create, toBinary } from '@bufbuild/protobuf';
import { ServiceError } from '@sluice/errors';
import { ID_LIMIT_CHARACTERS, rawTensors } from '@sluice/kserve';
import { ModelInferRequestSchema, type InferParameter, type ModelInferRequest } from '@sluice/proto/kserve';
import type { Call } from '../../domain/call.ts';
import { MODEL_NAME_LIMIT_CHARACTERS, SHORT_STRING_LIMIT_CHARACTERS, TENSOR_BODY_LIMIT_BYTES } from '../limits.ts';

/**
 * Parameters that are between a server and its own clients. Sequences would have to stay on one server; shared memory is
 * that of the server's machine; what begins with `triton_` drives the server. `priority` and `timeout` order the queue of a
 * server that tenants share: nobody may go ahead of the others by asking.
 */
const RESERVED = /^(?:sequence_|shared_memory_|triton_|binary_data|headers$|priority$|timeout$)/;
const PARAMETERS_LIMIT = 32;
const NAME_LIMIT_CHARACTERS = 256;
/** Versions are numbers of the registry. */
const VERSION_LIMIT_CHARACTERS = 10;

const NO_MESSAGES = Buffer.from('[]');

/** Of a request of which nothing was understood but its model. */
export function unreadCall(model: string): Call {
  return { model, messages: new Uint8Array(), fields: [], stream: false, choices: 0 };
}

/**
 * A request of KServe v2 as a call: in the one form that is recorded, checked by rules and sent on, and nothing else in it.
 *
 * @param model as the client named it
 * @throws ServiceError `invalid_value`, `unsupported_parameter`, `request_too_large`
 */
export function tensorCall(model: string, version: string, request: ModelInferRequest): Call {
  const { id, parameters, inputs, outputs, rawInputContents } = request;
  if (model === '' || model.length > MODEL_NAME_LIMIT_CHARACTERS) throw new ServiceError('missing_required_parameter', 'The request names no model.', { param: 'model_name' });
  if (version.length > VERSION_LIMIT_CHARACTERS) throw new ServiceError('model_not_found', 'The model has no such version in service.', { param: 'model_version' });
  if (id.length > ID_LIMIT_CHARACTERS) throw new ServiceError('invalid_value', `The id must have at most ${ID_LIMIT_CHARACTERS} characters.`, { param: 'id' });
  if (inputs.length === 0) throw new ServiceError('missing_required_parameter', 'The request has no inputs.', { param: 'inputs' });
  for (const { name } of [...inputs, ...outputs]) if (name.length > NAME_LIMIT_CHARACTERS) throw new ServiceError('invalid_value', `A name must have at most ${NAME_LIMIT_CHARACTERS} characters.`, { param: 'name' });
  for (const own of [parameters, ...[...inputs, ...outputs].map((each) => each.parameters)]) checkParameters(own);
  const raw = rawTensors(inputs, rawInputContents);
  const bare = create(ModelInferRequestSchema, {
    modelName: model, modelVersion: version, id, parameters, rawInputContents: raw,
    inputs: inputs.map(({ name, datatype, shape, parameters: own }) => ({ name, datatype, shape, parameters: own })),
    outputs: outputs.map(({ name, parameters: own }) => ({ name, parameters: own })),
  });
  const tensors = toBinary(ModelInferRequestSchema, bare);
  if (tensors.length > TENSOR_BODY_LIMIT_BYTES) throw new ServiceError('request_too_large', `The tensors of a request must have at most ${TENSOR_BODY_LIMIT_BYTES} bytes.`);
  return { model, messages: NO_MESSAGES, fields: [], stream: false, choices: 1, tensors };
}

function checkParameters(parameters: Readonly<Record<string, InferParameter>>): void {
  const entries = Object.entries(parameters);
  if (entries.length > PARAMETERS_LIMIT) throw new ServiceError('invalid_value', `There are more than ${PARAMETERS_LIMIT} parameters.`, { param: 'parameters' });
  for (const [name, { parameterChoice: choice }] of entries) {
    const param = name.slice(0, NAME_LIMIT_CHARACTERS);
    if (RESERVED.test(name)) throw new ServiceError('unsupported_parameter', 'This parameter is not passed on to servers of models.', { param });
    const isTooLong = choice.case === 'stringParam' && choice.value.length > SHORT_STRING_LIMIT_CHARACTERS;
    if (isTooLong || name.length > NAME_LIMIT_CHARACTERS) throw new ServiceError('invalid_value', `A parameter must have at most ${SHORT_STRING_LIMIT_CHARACTERS} characters, and its name ${NAME_LIMIT_CHARACTERS}.`, { param });
  }
}
