import { setImmediate } from 'node:timers/promises';
import { compileKeywords, compileOffThread, filterWhole, keywordDetector, piiDetector, ReleasingStream, type CompiledKeywords, type Detector, type ReleasePolicy } from '@sluice/automaton';
import { forEachOccurrence, normalText, unitScan } from '@sluice/automaton/testing';
import { seeded } from './corpus.ts';

const TURNS = 3;
const BASELINE_WORDS = 1000;
const BASELINE_UNITS = 400_000;
const PROMPT_UNITS = 2048;
const STREAMED_UNITS = 400_000;
const ORACLE_BYTES = 10_000_000;
/** Of a text that does its worst. */
const WORST_UNITS = 500_000;
const NESTED_WORDS = 5;

const policy: ReleasePolicy = { actions: ['mask', 'mask'], mask: () => '***', maxHold: 4096 };
const bytes = (text: string) => Buffer.byteLength(text);

/** What this thread took of a CPU, so that others on the machine do not count; in steps of some ms. */
function cpuUs(run: () => unknown): number {
  const before = process.threadCpuUsage();
  run();
  const { user, system } = process.threadCpuUsage(before);
  return user + system;
}

function leastMs(run: () => unknown): number {
  let least = Infinity;
  for (let turn = 0; turn < TURNS; turn++) least = Math.min(least, cpuUs(run) / 1000);
  return least;
}

const megabytesPerSecond = (text: string, run: () => unknown) => bytes(text) / 1e6 / (leastMs(run) / 1000);

function at(values: Float64Array, share: number): number {
  return values.toSorted()[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0;
}

export function matchCore(compiled: CompiledKeywords, words: readonly string[], text: string) {
  const some = text.slice(0, BASELINE_UNITS).toLowerCase();
  const union = new RegExp(words.slice(0, BASELINE_WORDS).map((word) => word.toLowerCase().replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('|'), 'g');
  return {
    core: megabytesPerSecond(text, unitScan(compiled, text)),
    whole: megabytesPerSecond(text, () => filterWhole(text, [keywordDetector([compiled])], policy)),
    regexOfAThousand: megabytesPerSecond(some, () => some.match(union)?.length),
  };
}

export function build(words: readonly string[]) {
  const lists = [{ rule: 0, words }];
  let compiled = compileKeywords([]);
  const coldMs = cpuUs(() => (compiled = compileKeywords(lists))) / 1000;
  return { compiled, coldMs, warmMs: leastMs(() => compileKeywords(lists)), megabytes: (compiled.words.buffer.byteLength + (compiled.sounds?.buffer.byteLength ?? 0)) / 1e6 };
}

/** The longest that the event loop stood still while a thread compiled, and how long it took. */
export async function swap(words: readonly string[]) {
  let longestMs = 0;
  let done = false;
  const watch = (async () => {
    for (let last = performance.now(); !done;) {
      await setImmediate();
      const now = performance.now();
      longestMs = Math.max(longestMs, now - last);
      last = now;
    }
  })();
  await setImmediate();
  const started = performance.now();
  await compileOffThread([{ rule: 0, words }]);
  const totalMs = performance.now() - started;
  done = true;
  await watch;
  return { longestMs, totalMs };
}

/** Takes a text through a stream in tokens of 1 to 4 units: what waits behind each, and what each costs. */
export function streamed(text: string, detectors: () => readonly Detector[]) {
  const random = seeded(7);
  const stream = new ReleasingStream(detectors(), policy);
  const held: number[] = [];
  const us: number[] = [];
  for (let from = 0; from < Math.min(text.length, STREAMED_UNITS);) {
    const size = 1 + Math.floor(random() * 4);
    const token = text.slice(from, from + size);
    const started = performance.now();
    stream.push(token);
    us.push((performance.now() - started) * 1000);
    held.push(stream.held);
    from += size;
  }
  const characters = Float64Array.from(held);
  const costs = Float64Array.from(us);
  return {
    mean: characters.reduce((sum, one) => sum + one, 0) / characters.length,
    p99: at(characters, 0.99), p999: at(characters, 0.999), p50Us: at(costs, 0.5), p99Us: at(costs, 0.99),
  };
}

/** Prompts of 2 KB (in units) through everything, the second time round: microseconds a KB. */
export function pipeline(text: string, compiled: readonly CompiledKeywords[]) {
  const turn = (): number[] => {
    const costs: number[] = [];
    for (let from = 0; from + PROMPT_UNITS <= Math.min(text.length, STREAMED_UNITS * 2); from += PROMPT_UNITS) {
      const prompt = text.slice(from, from + PROMPT_UNITS);
      const started = performance.now();
      filterWhole(prompt, [keywordDetector(compiled), everyPii()], policy);
      costs.push(((performance.now() - started) * 1000) / (bytes(prompt) / 1024));
    }
    return costs;
  };
  turn();
  const costs = Float64Array.from(turn());
  return { p50Us: at(costs, 0.5), p99Us: at(costs, 0.99) };
}

export const everyPii = () => piiDetector((['email', 'phone', 'cn_id', 'bank_card', 'credit_card', 'iban', 'ip', 'uscc'] as const).map((type) => ({ rule: 1, type })));

/** Texts that do their worst: the time of 1 MB, and how it grows when a text doubles. */
export function worst(words: readonly string[]) {
  const nested = compileKeywords([{ rule: 0, words: Array.from({ length: NESTED_WORDS }, (_, index) => 'a'.repeat(index + 1)), wholeWord: false }, { rule: 0, words }]);
  const dense = words.filter((word) => word.length < 4).slice(0, 500).join('');
  const texts: Record<string, string> = { 'dense hits': dense, 'one letter': 'b', 'nested words': `${'a'.repeat(NESTED_WORDS)}b`, 'only noise': ' -', 'leet signs': '4$1!0', 'half words': 'a b-' };
  return Object.entries(texts).map(([name, unit]) => {
    const twice = unit.repeat(Math.ceil((2 * WORST_UNITS) / unit.length)).slice(0, 2 * WORST_UNITS);
    const run = (text: string) => leastMs(() => filterWhole(text, [keywordDetector([nested])], policy));
    const onceMs = run(twice.slice(0, WORST_UNITS));
    const twiceMs = run(twice);
    return { name, twiceMs, growth: twiceMs / onceMs };
  });
}

/** The same occurrences as by looking, at every place, at each word that begins with the two units there. */
export function sameAsNaive(words: readonly string[], zh: string, en: string): { matches: number; same: boolean } {
  const compiled = compileKeywords([{ rule: 0, words, wholeWord: false }]);
  const text = normalText((zh + en).repeat(3)).slice(0, ORACLE_BYTES / 2);
  const byStart = new Map<string, Set<string>>();
  for (const word of words.map(normalText).filter(({ length }) => length > 0)) {
    const start = word.slice(0, 2);
    byStart.set(start, (byStart.get(start) ?? new Set()).add(word));
  }
  const tally = () => ({ count: 0, sum: 0 });
  const add = (to: { count: number; sum: number }, start: number, units: number) => {
    to.count++;
    to.sum = (to.sum + Math.imul(start + 1, 0x9e3779b1) * units) | 0;
  };
  const [automaton, naive] = [tally(), tally()];
  forEachOccurrence(compiled, text, (start, units) => add(automaton, start, units));
  for (let start = 0; start < text.length; start++) {
    for (const lead of [text.slice(start, start + 1), text.slice(start, start + 2)]) {
      for (const word of byStart.get(lead) ?? []) if ((lead.length === 2 || word.length === 1) && text.startsWith(word, start)) add(naive, start, word.length);
    }
  }
  return { matches: naive.count, same: naive.count === automaton.count && naive.sum === automaton.sum };
}
