import { ServiceError } from '@sluice/errors';

/** The datatypes of KServe v2 that the house reads and writes, and what an element of each is in TypeScript. */
export interface TensorElement {
  BYTES: Uint8Array;
  BOOL: boolean;
  INT32: number;
  UINT32: number;
  INT64: bigint;
  UINT64: bigint;
  FP32: number;
  FP64: number;
}

export type Datatype = keyof TensorElement;

interface FixedCodec<T> {
  readonly sizeBytes: number;
  readonly read: (view: DataView, offset: number) => T;
  readonly write: (view: DataView, offset: number, value: T) => void;
}

type FixedDatatype = Exclude<Datatype, 'BYTES'>;

const FIXED: { readonly [D in FixedDatatype]: FixedCodec<TensorElement[D]> } = {
  BOOL: { sizeBytes: 1, read: (view, at) => view.getUint8(at) !== 0, write: (view, at, value) => view.setUint8(at, value ? 1 : 0) },
  INT32: { sizeBytes: 4, read: (view, at) => view.getInt32(at, true), write: (view, at, value) => view.setInt32(at, value, true) },
  UINT32: { sizeBytes: 4, read: (view, at) => view.getUint32(at, true), write: (view, at, value) => view.setUint32(at, value, true) },
  INT64: { sizeBytes: 8, read: (view, at) => view.getBigInt64(at, true), write: (view, at, value) => view.setBigInt64(at, value, true) },
  UINT64: { sizeBytes: 8, read: (view, at) => view.getBigUint64(at, true), write: (view, at, value) => view.setBigUint64(at, value, true) },
  FP32: { sizeBytes: 4, read: (view, at) => view.getFloat32(at, true), write: (view, at, value) => view.setFloat32(at, value, true) },
  FP64: { sizeBytes: 8, read: (view, at) => view.getFloat64(at, true), write: (view, at, value) => view.setFloat64(at, value, true) },
};

const LENGTH_PREFIX_BYTES = 4;

/** Elements in the raw form of KServe v2: packed, little-endian; BYTES as a 32-bit length before each element. */
export function encodeTensor<D extends Datatype>(datatype: D, elements: readonly TensorElement[D][]): Uint8Array<ArrayBuffer> {
  if (datatype === 'BYTES') return encodeBytes(elements as readonly Uint8Array[]);
  const codec = FIXED[datatype as FixedDatatype] as FixedCodec<unknown>;
  const bytes = new Uint8Array(elements.length * codec.sizeBytes);
  const view = new DataView(bytes.buffer);
  elements.forEach((element, index) => codec.write(view, index * codec.sizeBytes, element));
  return bytes;
}

/**
 * The elements of a raw tensor. Works at any alignment of `raw`; elements of BYTES are views into it.
 * Throws `invalid_value` with `name` as param when the length does not fit the datatype.
 */
export function decodeTensor<D extends Datatype>(name: string, datatype: D, raw: Uint8Array): TensorElement[D][] {
  if (datatype === 'BYTES') return decodeBytes(name, raw) as TensorElement[D][];
  const codec = FIXED[datatype as FixedDatatype] as unknown as FixedCodec<TensorElement[D]>;
  if (raw.byteLength % codec.sizeBytes !== 0) throw malformed(name, datatype);
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  return Array.from({ length: raw.byteLength / codec.sizeBytes }, (_, index) => codec.read(view, index * codec.sizeBytes));
}

function encodeBytes(elements: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(elements.reduce((sum, element) => sum + LENGTH_PREFIX_BYTES + element.byteLength, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const element of elements) {
    view.setUint32(at, element.byteLength, true);
    bytes.set(element, at + LENGTH_PREFIX_BYTES);
    at += LENGTH_PREFIX_BYTES + element.byteLength;
  }
  return bytes;
}

function decodeBytes(name: string, raw: Uint8Array): Uint8Array[] {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const elements: Uint8Array[] = [];
  let at = 0;
  while (at < raw.byteLength) {
    if (at + LENGTH_PREFIX_BYTES > raw.byteLength) throw malformed(name, 'BYTES');
    const end = at + LENGTH_PREFIX_BYTES + view.getUint32(at, true);
    if (end > raw.byteLength) throw malformed(name, 'BYTES');
    elements.push(raw.subarray(at + LENGTH_PREFIX_BYTES, end));
    at = end;
  }
  return elements;
}

function malformed(name: string, datatype: Datatype): ServiceError {
  return new ServiceError('invalid_value', `The data of tensor '${name}' is not a valid ${datatype} tensor.`, { param: name });
}
