import { fromBinary } from '@bufbuild/protobuf';
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { ServiceError } from '@sluice/errors';
import { ModelInferRequestSchema, type ModelInferRequest } from '@sluice/proto/kserve';

/**
 * All of a request but its raw data: names, shapes, parameters, typed contents. What is decoded of it becomes objects, up to
 * one for a byte (`int64_contents`), one by one and in one turn of the event loop: this much takes some 50 ms, 30 MiB take
 * eight seconds and a gigabyte.
 */
export const BESIDE_DATA_LIMIT_BYTES = 128 * 1024;

const RAW_INPUT_CONTENTS = ModelInferRequestSchema.field.rawInputContents.number;

/**
 * An encoded `ModelInferRequest`. Its raw data are views of what was given.
 * @throws ServiceError `invalid_value` where it is none, and, before any of it is decoded, where it has more than the limit beside raw data
 */
export function readInferRequest(encoded: Uint8Array): ModelInferRequest {
  try {
    checkBesideData(encoded);
    return fromBinary(ModelInferRequestSchema, encoded);
  } catch (thrown) {
    if (thrown instanceof ServiceError) throw thrown;
    throw new ServiceError('invalid_value', 'The message is no ModelInferRequest.', { cause: thrown });
  }
}

/** Passes over the fields of the message, of which each counts but for the data in raw ones: so it ends after as many steps as the limit has bytes. */
function checkBesideData(encoded: Uint8Array): void {
  const reader = new BinaryReader(encoded);
  let dataBytes = 0;
  while (reader.pos < reader.len && reader.pos - dataBytes <= BESIDE_DATA_LIMIT_BYTES) {
    const [field, type] = reader.tag();
    if (field === RAW_INPUT_CONTENTS && type === WireType.LengthDelimited) {
      const length = reader.uint32();
      reader.pos += length;
      dataBytes += length;
    } else if (type === WireType.StartGroup) throw new Error('groups are no part of this message');
    else reader.skip(type);
  }
  if (reader.pos - dataBytes > BESIDE_DATA_LIMIT_BYTES) {
    throw new ServiceError('invalid_value', `A request must have at most ${BESIDE_DATA_LIMIT_BYTES} bytes beside raw data: send tensors in 'raw_input_contents' instead of typed contents such as 'int64_contents'.`, { param: 'raw_input_contents' });
  }
}
