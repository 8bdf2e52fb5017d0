import type { InferParameter, ModelInferResponse } from '@sluice/proto/kserve';
import type { WantedBinary } from './rest-request.ts';
import { dataToJson, elementsOf, JSON_ELEMENTS_LIMIT, tooManyForJson } from './tensor-json.ts';

/** An answer of KServe v2 over HTTP. */
export interface RestResponse {
  readonly body: Uint8Array;
  /** For `Inference-Header-Content-Length`; undefined where there is no binary data. */
  readonly jsonBytes: number | undefined;
}

/**
 * Writes an answer, all data of which lie in `raw_output_contents`.
 *
 * @throws ServiceError `invalid_value` for outputs that are too large for JSON, or that it has no form for, and that are not wanted as binary data
 */
export function writeRestResponse(response: ModelInferResponse, wanted: WantedBinary): RestResponse {
  const binary: Uint8Array[] = [];
  let elements = 0;
  const outputs = response.outputs.map(({ name, datatype, shape, parameters }, at) => {
    const raw = response.rawOutputContents[at]!;
    const isBinary = wanted.named.get(name) ?? wanted.byDefault;
    if (isBinary) binary.push(raw);
    else if ((elements += elementsOf(name, datatype, raw)) > JSON_ELEMENTS_LIMIT) throw tooManyForJson(name);
    const own = parametersJson(parameters, isBinary ? [`"binary_data_size":${raw.length}`] : []);
    return `{"name":${JSON.stringify(name)},"datatype":${JSON.stringify(datatype)},"shape":[${shape.join(',')}]${own}${isBinary ? '' : `,"data":${dataToJson(name, datatype, raw)}`}}`;
  });
  const { modelName, modelVersion, id, parameters } = response;
  const json = Buffer.from(`{${id === '' ? '' : `"id":${JSON.stringify(id)},`}"model_name":${JSON.stringify(modelName)},"model_version":${JSON.stringify(modelVersion)}${parametersJson(parameters)},"outputs":[${outputs.join(',')}]}`);
  return binary.length === 0 ? { body: json, jsonBytes: undefined } : { body: Buffer.concat([json, ...binary]), jsonBytes: json.length };
}

function parametersJson(parameters: Readonly<Record<string, InferParameter>>, first: readonly string[] = []): string {
  const members = [...first, ...Object.entries(parameters).flatMap(([name, { parameterChoice: choice }]) => (choice.case === undefined ? [] : [`${JSON.stringify(name)}:${typeof choice.value === 'bigint' ? choice.value : JSON.stringify(choice.value)}`]))];
  return members.length === 0 ? '' : `,"parameters":{${members.join(',')}}`;
}
