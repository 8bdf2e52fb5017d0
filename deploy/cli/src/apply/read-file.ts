import { isUtf8 } from 'node:buffer';
import { isAlias, isMap, isPair, isScalar, LineCounter, parseDocument, visit, type Document, type Node } from 'yaml';
import type { z } from 'zod';
import { CommandFailed } from '../exit-code.ts';
import { printableLine } from '../terminal/printable.ts';
import { shownPath, type Fault, type Path } from './fault.ts';
import { platformFile, type PlatformFile } from './platform-file.ts';
import { withoutFaulty } from './without-faulty.ts';

/** The longest list of words is 8 MiB; a file holds several. */
export const MAX_FILE_BYTES = 32 * 1024 * 1024;
/** More faults than anybody reads at once. */
const TOLD_FAULTS = 20;

/** A file that was read, and where in it things stand. */
export interface ReadFile {
  /** What it says; without the entries that could not be read where `isFaulty`. */
  readonly wanted: PlatformFile;
  /** Something in it is no platform file: nothing may be done by it. */
  readonly isFaulty: boolean;
  /** Those of the file itself and these, which were found in what it says: all by their lines, as one refusal. */
  refuse(faults: readonly Fault[]): CommandFailed;
}

/**
 * Reads a platform file. Unknown members, values of another type and double names are faults. Where there are some, the rest of
 * the file is given all the same, so that who looks further can tell all faults at once, each with its line and its path.
 *
 * @param source what people call the file
 * @throws CommandFailed when nothing of it can be read
 */
export function readPlatformFile(bytes: Buffer, source: string): ReadFile {
  if (bytes.length > MAX_FILE_BYTES) throw new CommandFailed(`${source} is larger than ${MAX_FILE_BYTES} bytes.`);
  if (!isUtf8(bytes)) throw new CommandFailed(`${source} is not text in UTF-8.`);
  const lines = new LineCounter();
  // As exact integers: an amount may be larger than numbers are exact.
  const document = parseDocument(bytes.toString('utf8'), { lineCounter: lines, intAsBigInt: true, prettyErrors: false, strict: true });
  const refuse = (told: readonly Told[]): CommandFailed => refusal(source, told);
  const syntax = document.errors.map(({ pos, message }): Told => ({ line: lines.linePos(pos[0]).line, text: message }));
  const references = referencesIn(document, lines);
  if (syntax.length + references.length > 0) throw refuse([...syntax, ...references]);
  const value = exactly(document.toJS());
  const place = (fault: Fault): Told => ({ line: lineOf(document, lines, fault.path), text: `${shownPath(fault.path)}: ${fault.message}` });
  const parsed = platformFile.safeParse(value);
  if (parsed.success) return { wanted: parsed.data, isFaulty: false, refuse: (faults) => refuse(faults.map(place)) };
  const own = parsed.error.issues.flatMap((issue) => faultsOf(issue, value));
  const rest = isObject(value) ? withoutFaulty(value, own) : undefined;
  const readable = platformFile.safeParse(rest?.value);
  if (!rest || !readable.success) throw refuse(own.map(place));
  const isCertain = ({ needs }: Fault): boolean => needs === undefined || !rest.parted.has(needs);
  return { wanted: readable.data, isFaulty: true, refuse: (faults) => refuse([...own, ...faults.filter(isCertain).map((fault) => ({ ...fault, path: rest.placeInFile(fault.path) }))].map(place)) };
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

interface Told {
  readonly line: number;
  readonly text: string;
}

function refusal(source: string, told: readonly Told[]): CommandFailed {
  const sorted = told.toSorted((a, b) => a.line - b.line).map(({ line, text }) => `  line ${line}: ${printableLine(text)}`);
  const more = sorted.length > TOLD_FAULTS ? [`  and ${sorted.length - TOLD_FAULTS} more`] : [];
  const count = sorted.length === 1 ? 'a fault' : `${sorted.length} faults`;
  return new CommandFailed([`${source} has ${count}; nothing was changed:`, ...sorted.slice(0, TOLD_FAULTS), ...more].join('\n'));
}

/** What is written once stands once: a file that is compared line by line has no use for references, and they can make it grow without bound. */
function referencesIn(document: Document, lines: LineCounter): Told[] {
  const found: Told[] = [];
  visit(document, (_, node) => {
    if (isAlias(node)) found.push({ line: lines.linePos(node.range?.[0] ?? 0).line, text: 'references to other places (*name) are not read here; write it out' });
  });
  return found;
}

/** Integers as numbers where these are exact, as digits where not. */
function exactly(value: unknown): unknown {
  if (typeof value === 'bigint') return BigInt(Number(value)) === value && Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  if (Array.isArray(value)) return value.map(exactly);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, exactly(member)]));
}

function faultsOf(issue: z.core.$ZodIssue, value: unknown): Fault[] {
  const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => ({ path: [...path, key], message: 'there is no such field' }));
  const given = path.reduce<unknown>((parent, part) => (typeof parent === 'object' && parent !== null ? (parent as Record<string | number, unknown>)[part] : undefined), value);
  if (given === undefined || (path.length === 0 && given === null)) return [{ path, message: path.length === 0 ? 'is empty' : 'is missing' }];
  if (issue.code === 'invalid_type') return [{ path, message: `must be ${TYPES[issue.expected] ?? issue.expected}` }];
  return [{ path, message: issue.message }];
}

const TYPES: Readonly<Record<string, string>> = { string: 'a text', number: 'a number', int: 'a whole number', boolean: 'true or false', object: 'a map (name: value)', array: 'a list (- entry)' };

/** The line of the nearest thing there is on the way: of a missing member that of its map. */
function lineOf(document: Document, lines: LineCounter, path: Path): number {
  let node = document.contents as Node | null;
  let at = node?.range?.[0] ?? 0;
  for (const part of path) {
    if (!node || !('get' in node)) break;
    const pair = isMap(node) ? node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part)) : undefined;
    const next: unknown = isPair(pair) ? pair.value : (node as { get(part: unknown, keepScalar: true): unknown }).get(part, true);
    const key = isPair(pair) && isScalar(pair.key) ? pair.key.range : undefined;
    if (!pair && !next) break;
    at = key?.[0] ?? (next as Node).range?.[0] ?? at;
    node = next as Node | null;
  }
  return lines.linePos(at).line;
}
