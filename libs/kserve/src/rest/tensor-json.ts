import type { ServiceError } from '@sluice/errors';
import { decodeTensor } from '../tensor.ts';
import { wideInteger } from './wide-integer.ts';
import { countBytesElements, elementBytes, encodeElements, invalidTensor } from '../raw-tensors.ts';

const LENGTH_PREFIX_BYTES = 4;

type Element = boolean | number | bigint;

/** Reads one element of each datatype that JSON has a form for. */
const READ: ReadonlyMap<string, (view: DataView, at: number) => Element> = new Map([
  ['BOOL', (view: DataView, at: number): Element => view.getUint8(at) !== 0],
  ['UINT8', (view, at) => view.getUint8(at)], ['UINT16', (view, at) => view.getUint16(at, true)], ['UINT32', (view, at) => view.getUint32(at, true)], ['UINT64', (view, at) => view.getBigUint64(at, true)],
  ['INT8', (view, at) => view.getInt8(at)], ['INT16', (view, at) => view.getInt16(at, true)], ['INT32', (view, at) => view.getInt32(at, true)], ['INT64', (view, at) => view.getBigInt64(at, true)],
  ['FP32', (view, at) => view.getFloat32(at, true)], ['FP64', (view, at) => view.getFloat64(at, true)],
]);

/**
 * The data of a tensor as KServe v2 has them in JSON (row-major, flat or nested as deep as the shape), in the raw form.
 *
 * @param count how many elements there must be
 * @throws ServiceError `invalid_value`
 */
export function dataFromJson(name: string, datatype: string, data: readonly unknown[], count: number, rank: number): Uint8Array {
  const elements: unknown[] = [];
  flatten(name, data, elements, count, rank);
  if (elements.length !== count) throw invalidTensor(name, `has ${elements.length} elements, and its shape says ${count}`);
  if (datatype === 'BYTES') return encodeTexts(name, elements);
  const numbers = elements.map((element) => wideInteger(element) ?? element);
  if (!numbers.every(isElement)) throw invalidTensor(name, `has an element that is no ${datatype}`);
  return encodeElements(name, datatype, numbers);
}

/** Stops at what is too many: nesting is the client's, and so is its size. */
function flatten(name: string, data: readonly unknown[], into: unknown[], most: number, rank: number): void {
  for (const each of data) {
    if (into.length > most) return;
    if (!Array.isArray(each)) into.push(each);
    else if (rank <= 1) throw invalidTensor(name, 'is nested deeper than its shape');
    else flatten(name, each, into, most, rank - 1);
  }
}

function isElement(value: unknown): value is Element {
  return typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint';
}

function encodeTexts(name: string, elements: readonly unknown[]): Uint8Array {
  let bytes = 0;
  for (const element of elements) {
    if (typeof element !== 'string') throw invalidTensor(name, 'has an element that is no text');
    bytes += LENGTH_PREFIX_BYTES + Buffer.byteLength(element);
  }
  const joined = Buffer.alloc(bytes);
  let at = 0;
  for (const element of elements as readonly string[]) {
    const length = joined.write(element, at + LENGTH_PREFIX_BYTES);
    joined.writeUInt32LE(length, at);
    at += LENGTH_PREFIX_BYTES + length;
  }
  return joined;
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Elements of a message that are written as JSON, in one turn of the event loop: each costs up to a microsecond. What is larger is asked for as binary data. */
export const JSON_ELEMENTS_LIMIT = 128 * 1024;

/** How many elements a tensor has. @throws ServiceError `invalid_value` for data that are no valid BYTES */
export function elementsOf(name: string, datatype: string, raw: Uint8Array): number {
  const size = elementBytes(name, datatype);
  return size === undefined ? countBytesElements(name, raw) : raw.byteLength / size;
}

/**
 * The data of a tensor as JSON, flat.
 *
 * @throws ServiceError `invalid_value` for what JSON has no form for: FP16 and BF16, numbers that are none, BYTES that are no UTF-8
 */
export function dataToJson(name: string, datatype: string, raw: Uint8Array): string {
  if (datatype === 'BYTES') return `[${decodeTensor(name, 'BYTES', raw).map((element) => JSON.stringify(textOf(name, element))).join(',')}]`;
  const [read, size] = [READ.get(datatype), elementBytes(name, datatype)];
  if (!read || size === undefined) throw unwritable(name, `${datatype} has no form in JSON`);
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const parts: string[] = [];
  for (let at = 0; at < raw.byteLength; at += size) {
    const element = read(view, at);
    if (typeof element === 'number' && !Number.isFinite(element)) throw unwritable(name, 'it holds a number that JSON has no form for');
    parts.push(Object.is(element, -0) ? '-0.0' : String(element));
  }
  return `[${parts.join(',')}]`;
}

function textOf(name: string, element: Uint8Array): string {
  try {
    return UTF8.decode(element);
  } catch {
    throw unwritable(name, 'it holds bytes that are no text');
  }
}

/** Of a tensor with which a message would have more elements in JSON than it may. */
export function tooManyForJson(name: string): ServiceError {
  return unwritable(name, `a message has at most ${JSON_ELEMENTS_LIMIT} elements in JSON`);
}

function unwritable(name: string, why: string): ServiceError {
  return invalidTensor(name, `cannot be written as JSON, because ${why}: ask for it as binary data`);
}
