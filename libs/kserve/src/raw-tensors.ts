import { ServiceError } from '@sluice/errors';
import type { InferTensorContents } from '@sluice/proto/kserve';
import { encodeTensor } from './tensor.ts';

/** Bytes of one element of each datatype of KServe v2. An element of BYTES has its length before it and is as long as it says. */
export const ELEMENT_BYTES: ReadonlyMap<string, number> = new Map([
  ['BOOL', 1], ['UINT8', 1], ['UINT16', 2], ['UINT32', 4], ['UINT64', 8], ['INT8', 1], ['INT16', 2], ['INT32', 4], ['INT64', 8],
  ['FP16', 2], ['BF16', 2], ['FP32', 4], ['FP64', 8],
]);

const LENGTH_PREFIX_BYTES = 4;

/** No server takes a tensor with more dimensions, and each of them costs. */
export const DIMENSIONS_LIMIT = 32;
/** What one message may hold of them: an ensemble of today has a dozen. */
export const TENSORS_LIMIT = 256;
/** Above every tensor that fits a message; the product of a shape is exact below it. */
const ELEMENTS_LIMIT = 2n ** 31n;

/** One tensor of a request or an answer. */
export interface GivenTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly bigint[];
  /** Its data, where they are not in the raw contents of the message. */
  readonly contents?: InferTensorContents | undefined;
}

/**
 * The data of all tensors of a message in the raw form of KServe v2, each exactly as long as its datatype and shape say.
 * Data come all in `raw` or all as `contents`; the result is the same, so that it is recorded, checked and sent in one form.
 *
 * @throws ServiceError `invalid_value` that names the tensor, and quotes nothing of its data
 */
export function rawTensors(tensors: readonly GivenTensor[], raw: readonly Uint8Array[]): Uint8Array[] {
  if (tensors.length > TENSORS_LIMIT) throw new ServiceError('invalid_value', `There are more than ${TENSORS_LIMIT} tensors.`, { param: 'inputs' });
  if (new Set(tensors.map(({ name }) => name)).size !== tensors.length) throw new ServiceError('invalid_value', 'Two tensors have the same name.', { param: 'inputs' });
  if (raw.length > 0 && raw.length !== tensors.length) throw new ServiceError('invalid_value', `There are ${tensors.length} tensors and the data of ${raw.length}.`, { param: 'raw_input_contents' });
  return tensors.map((tensor, at) => {
    const { name, datatype, contents } = tensor;
    const data = raw[at];
    if (data && contents && elementsOf(contents) > 0) throw invalidTensor(name, 'has its data twice');
    const bytes = data ?? (contents ? encodeContents(name, datatype, contents) : new Uint8Array());
    checkLength(tensor, bytes);
    return bytes;
  });
}

/** How many elements a tensor of this shape has. @throws ServiceError `invalid_value` */
export function elementCount(name: string, shape: readonly bigint[]): number {
  if (shape.length > DIMENSIONS_LIMIT) throw invalidTensor(name, `has more than ${DIMENSIONS_LIMIT} dimensions`);
  let count = 1n;
  for (const dimension of shape) {
    if (dimension < 0n) throw invalidTensor(name, 'has a negative dimension');
    count *= dimension;
    if (count > ELEMENTS_LIMIT) throw invalidTensor(name, 'has more elements than a message holds');
  }
  return Number(count);
}

/** Bytes of one element; undefined for BYTES. @throws ServiceError `invalid_value` for what is no datatype of KServe v2 */
export function elementBytes(name: string, datatype: string): number | undefined {
  if (datatype === 'BYTES') return undefined;
  const bytes = ELEMENT_BYTES.get(datatype);
  if (bytes === undefined) throw invalidTensor(name, 'has no datatype of KServe v2');
  return bytes;
}

/** How many elements raw BYTES hold. @throws ServiceError `invalid_value` where a length lies */
export function countBytesElements(name: string, raw: Uint8Array): number {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  let count = 0;
  for (let at = 0; at < raw.byteLength; count++) {
    const start = at + LENGTH_PREFIX_BYTES;
    at = start > raw.byteLength ? Infinity : start + view.getUint32(start - LENGTH_PREFIX_BYTES, true);
    if (at > raw.byteLength) throw invalidTensor(name, 'has data that are no valid BYTES');
  }
  return count;
}

function checkLength({ name, datatype, shape }: GivenTensor, raw: Uint8Array): void {
  const expected = elementCount(name, shape);
  const size = elementBytes(name, datatype);
  if (size === undefined) {
    const found = countBytesElements(name, raw);
    if (found !== expected) throw invalidTensor(name, `has ${found} elements, and its shape says ${expected}`);
  } else if (raw.byteLength !== expected * size) throw invalidTensor(name, `has ${raw.byteLength} bytes of data, and its shape and datatype say ${expected * size}`);
}

interface Writer {
  readonly write: (view: DataView, at: number, value: never) => void;
  readonly takes: (value: boolean | number | bigint) => boolean;
}

const whole = (least: number, most: number, write: (view: DataView, at: number, value: number) => void): Writer => ({ write, takes: (value) => typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most });
const wide = (least: bigint, most: bigint, write: (view: DataView, at: number, value: bigint) => void): Writer => ({ write: (view, at, value: number | bigint) => write(view, at, BigInt(value)), takes: (value) => (typeof value === 'bigint' || Number.isInteger(value)) && BigInt(value) >= least && BigInt(value) <= most });
const real = (write: (view: DataView, at: number, value: number) => void): Writer => ({ write: (view, at, value: number | bigint) => write(view, at, Number(value)), takes: (value) => typeof value !== 'boolean' });

/** How an element of each datatype is written that has another form than the raw one, and which values it takes: no other is made of one. */
const WRITERS: ReadonlyMap<string, Writer> = new Map([
  ['BOOL', { write: (view: DataView, at: number, value: boolean): void => view.setUint8(at, value ? 1 : 0), takes: (value: unknown): boolean => typeof value === 'boolean' }],
  ['UINT8', whole(0, 255, (view, at, value) => view.setUint8(at, value))],
  ['UINT16', whole(0, 65_535, (view, at, value) => view.setUint16(at, value, true))],
  ['UINT32', whole(0, 2 ** 32 - 1, (view, at, value) => view.setUint32(at, value, true))],
  ['UINT64', wide(0n, 2n ** 64n - 1n, (view, at, value) => view.setBigUint64(at, value, true))],
  ['INT8', whole(-128, 127, (view, at, value) => view.setInt8(at, value))],
  ['INT16', whole(-32_768, 32_767, (view, at, value) => view.setInt16(at, value, true))],
  ['INT32', whole(-(2 ** 31), 2 ** 31 - 1, (view, at, value) => view.setInt32(at, value, true))],
  ['INT64', wide(-(2n ** 63n), 2n ** 63n - 1n, (view, at, value) => view.setBigInt64(at, value, true))],
  ['FP32', real((view, at, value) => view.setFloat32(at, value, true))],
  ['FP64', real((view, at, value) => view.setFloat64(at, value, true))],
]);

function elementsOf(contents: InferTensorContents): number {
  const { boolContents, intContents, int64Contents, uintContents, uint64Contents, fp32Contents, fp64Contents, bytesContents } = contents;
  return boolContents.length + intContents.length + int64Contents.length + uintContents.length + uint64Contents.length + fp32Contents.length + fp64Contents.length + bytesContents.length;
}

function encodeContents(name: string, datatype: string, contents: InferTensorContents): Uint8Array {
  if (datatype === 'BYTES') return encodeTensor('BYTES', contents.bytesContents);
  const values = listOf(name, datatype, contents);
  if (values.length !== elementsOf(contents)) throw invalidTensor(name, 'has contents of another datatype');
  return encodeElements(name, datatype, values);
}

/** Elements in the raw form. FP16 and BF16 are written raw alone, as the protocol has it. @throws ServiceError `invalid_value` */
export function encodeElements(name: string, datatype: string, values: readonly (boolean | number | bigint)[]): Uint8Array<ArrayBuffer> {
  const [writer, size] = [WRITERS.get(datatype), elementBytes(name, datatype)];
  if (!writer || size === undefined) throw invalidTensor(name, `has data of ${datatype} that are not raw: this datatype has no other form`);
  const bytes = new Uint8Array(values.length * size);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < values.length; at++) {
    if (!writer.takes(values[at]!)) throw invalidTensor(name, `has an element that is no ${datatype}`);
    writer.write(view, at * size, values[at] as never);
  }
  return bytes;
}

function listOf(name: string, datatype: string, contents: InferTensorContents): readonly (boolean | number | bigint)[] {
  switch (datatype) {
    case 'BOOL': return contents.boolContents;
    case 'INT8': case 'INT16': case 'INT32': return contents.intContents;
    case 'INT64': return contents.int64Contents;
    case 'UINT8': case 'UINT16': case 'UINT32': return contents.uintContents;
    case 'UINT64': return contents.uint64Contents;
    case 'FP32': return contents.fp32Contents;
    case 'FP64': return contents.fp64Contents;
    default: throw invalidTensor(name, 'has typed contents of a datatype that has none');
  }
}

/** What is wrong with a tensor, by its name. */
export function invalidTensor(name: string, what: string): ServiceError {
  return new ServiceError('invalid_value', `The tensor '${shown(name)}' ${what}.`, { param: shown(name) });
}

const NAME_SHOWN_CHARACTERS = 64;

/** Names come from outside. */
function shown(name: string): string {
  return name.slice(0, NAME_SHOWN_CHARACTERS).replace(/[^\x20-\x7e]/g, '?');
}
