import { create } from '@bufbuild/protobuf';
import { InferParameterSchema, type InferParameter } from '@sluice/proto/kserve';

type Parameters = Readonly<Record<string, InferParameter>>;

/** On every response of a stream; true on the last one of a request. */
export const FINAL_RESPONSE = 'triton_final_response';

/** Asks for a last message also when the model ends without one. */
export const EMPTY_FINAL_RESPONSE = 'triton_enable_empty_final_response';

export function boolParameter(value: boolean): InferParameter {
  return create(InferParameterSchema, { parameterChoice: { case: 'boolParam', value } });
}

export function stringParameter(value: string): InferParameter {
  return create(InferParameterSchema, { parameterChoice: { case: 'stringParam', value } });
}

export function intParameter(value: bigint): InferParameter {
  return create(InferParameterSchema, { parameterChoice: { case: 'int64Param', value } });
}

export function readBool(parameters: Parameters, name: string): boolean | undefined {
  const choice = parameters[name]?.parameterChoice;
  return choice?.case === 'boolParam' ? choice.value : undefined;
}

export function readString(parameters: Parameters, name: string): string | undefined {
  const choice = parameters[name]?.parameterChoice;
  return choice?.case === 'stringParam' ? choice.value : undefined;
}

export function readInt(parameters: Parameters, name: string): bigint | undefined {
  const choice = parameters[name]?.parameterChoice;
  return choice?.case === 'int64Param' ? choice.value : undefined;
}
