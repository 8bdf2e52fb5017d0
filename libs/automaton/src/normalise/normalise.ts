import { Normaliser } from './normaliser.ts';
import { DROPPED, NOISE, SPACE, UnitBuffer } from './unit-buffer.ts';

/** The normal form of a whole text, as a keyword is compared: without NOISE, DROPPED and SPACE. */
export function normalise(text: string): Uint16Array {
  const buffer = new UnitBuffer(text.length);
  const normaliser = new Normaliser();
  normaliser.push(text, buffer);
  normaliser.end(buffer);
  return buffer.units.subarray(0, buffer.length).filter((unit) => unit !== NOISE && unit !== DROPPED && unit !== SPACE);
}
