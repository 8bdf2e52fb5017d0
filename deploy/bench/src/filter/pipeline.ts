/**
 * `node --conditions=@sluice/source --import ./deploy/host/source-loader.mjs deploy/bench/src/filter/pipeline.ts [FOLDER]`: what
 * all rules together cost, as rules of an organisation and of a project are compiled: 50,000 and 5,000 words in every
 * reading, all personal data, eight expressions. Prompts of 2 KB, and texts that do their worst; rows of docs/content-filter.md.
 */
import { availableParallelism, loadavg } from 'node:os';
import { compileKeywords, compileRegex, keywordDetector, piiDetector, PII_TYPES, regexDetector, RegexRefused, ReleasingStream, type Detector } from '@sluice/automaton';
import { corpus, WORDS } from './corpus.ts';

const PROMPT_BYTES = 2_048;
const PROMPTS = 1_000;
const ROUNDS = 7;
const WORST_UNITS = 1_000_000;
const MAX_HOLD = 8_192;
const BASELINE_WORDS = 1_000;
/** Families of expressions as an owner writes them; none has a match of unlimited length. */
const EXPRESSIONS = [
  'ignore (all |any )?(previous|prior) instructions', 'system prompt', '<\\|im_(start|end)\\|>', 'sk-[A-Za-z0-9]{20,48}', 'AKIA[0-9A-Z]{16}',
  'https?://[\\w.-]{1,64}/exfil', '[Pp]assword ?[:=] ?\\S{6,32}', '\\b[A-Z]{2}\\d{6,9}\\b',
];
/** Expressions that take a backtracking engine a lifetime, and what they take it for. */
const REDOS: readonly (readonly [string, string])[] = [
  ['(a+)+$', 'a'], ['(a|a)*b', 'a'], ['(a|aa)+c', 'a'], ['([a-zA-Z]+)*1', 'a'], ['(x+x+)+y', 'x'], ['(.*a){12}', 'ab'],
  ['^(([a-z])+.)+[A-Z]([a-z])+$', 'a'], ['\\w{1,100}\\w{1,100}!', 'a'], ['(a?){25}a{25}', 'a'], ['([^\\n]{1,60}@){1,3}z', 'a@'],
];

const { words, overlay, zh, en } = corpus(process.argv[2]);
const compiled = [compileKeywords([{ rule: 0, words }]), compileKeywords([{ rule: 0, words: overlay }])];
const expressions = EXPRESSIONS.map((pattern) => compileRegex(pattern));
const pii = PII_TYPES.map((type) => ({ rule: 1, type }));
const PARTS: Readonly<Record<string, () => Detector>> = {
  keywords: () => keywordDetector(compiled),
  'personal data': () => piiDetector(pii),
  expressions: () => regexDetector(expressions),
};
/** Nothing is blocked, so that all of a text is looked at. */
const policy = { actions: [...EXPRESSIONS.map(() => 'flag' as const), 'flag' as const], maxHold: MAX_HOLD, mask: () => '*' };

function filter(text: string, parts: readonly (() => Detector)[]): void {
  const stream = new ReleasingStream(parts.map((open) => open()), policy);
  stream.push(text);
  stream.end();
}

const at = (values: readonly number[], share: number): number => values.toSorted((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))]!;
const median = (values: readonly number[]): number => at(values, 0.5);
const row = (...cells: readonly (string | number)[]): void => console.log(`| ${cells.join(' | ')} |`);
const head = (...cells: readonly string[]): void => {
  console.log('');
  row(...cells);
  row(...cells.map(() => '---'));
};

/** A text in prompts of 2 KB, cut between characters. */
function prompts(text: string): string[] {
  const cut: string[] = [];
  for (let from = 0; cut.length < PROMPTS && from < text.length;) {
    let [to, bytes] = [from, 0];
    for (; to < text.length && bytes < PROMPT_BYTES; to++) bytes += text.charCodeAt(to) < 0x80 ? 1 : text.charCodeAt(to) < 0x800 ? 2 : 3;
    cut.push(text.slice(from, to));
    from = to;
  }
  return cut;
}

/** Microseconds a prompt: each prompt's median over the rounds, so that other work on the machine does not count; then the median and 99th percentile of the prompts. */
function cost(given: readonly string[], look: (prompt: string) => void): { p50: number; p99: number } {
  const rounds = Array.from({ length: ROUNDS }, () => given.map((prompt) => {
    const started = performance.now();
    look(prompt);
    return (performance.now() - started) * 1_000;
  }));
  const times = given.map((_, prompt) => median(rounds.map((round) => round[prompt]!)));
  return { p50: at(times, 0.5), p99: at(times, 0.99) };
}

function printCosts(): void {
  head('prompts of 2 KB', 'p50 µs/KB', 'p99 µs/KB', 'p99 µs a prompt', 'times a V8 expression of 1,000 words');
  const escaped = words.slice(0, BASELINE_WORDS).map((word) => word.toLowerCase().replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  const union = new RegExp(escaped.join('|'), 'g');
  for (const [language, text] of [['zh', zh], ['en', en]] as const) {
    const given = prompts(text);
    const baseline = cost(given, (prompt) => prompt.toLowerCase().match(union));
    const print = (name: string, parts: readonly (() => Detector)[]): void => {
      const { p50, p99 } = cost(given, (prompt) => { filter(prompt, parts); });
      row(`${language}, ${name}`, (p50 / 2).toFixed(1), (p99 / 2).toFixed(1), p99.toFixed(0), (p50 / baseline.p50).toFixed(2));
    };
    print('all', Object.values(PARTS));
    for (const [name, open] of Object.entries(PARTS)) print(`${name} alone`, [open]);
  }
}

/** Milliseconds of this thread, so that other work counts little, of half of a text and of the whole, and how the time grows. */
function printWorst(name: string, unit: string, open: () => readonly Detector[]): void {
  const whole = unit.repeat(Math.ceil(WORST_UNITS / unit.length)).slice(0, WORST_UNITS);
  const time = (text: string): number => median(Array.from({ length: 3 }, () => {
    const detectors = open();
    const before = process.threadCpuUsage();
    for (const detector of detectors) {
      detector.push(text);
      detector.end();
      detector.drain([]);
    }
    const { user, system } = process.threadCpuUsage(before);
    return (user + system) / 1_000;
  }));
  time(whole);
  const half = time(whole.slice(0, WORST_UNITS / 2));
  const full = time(whole);
  row(name, full.toFixed(0), (full / half).toFixed(2));
}

console.log(`${WORDS} words and ${overlay.length}; ${availableParallelism()} cores, load ${loadavg()[0]!.toFixed(1)}`);
printCosts();

head('a million characters of', 'ms', 'times the half');
const all = () => Object.values(PARTS).map((open) => open());
const short = words.filter((word) => word.length < 4);
for (const [name, unit] of [
  ['Chinese', zh], ['English', en], ['listed words alone', short.slice(0, 500).join('')], ['half words', words.slice(0, 500).map((word) => word.slice(0, -1)).join('')], ['one letter', 'a'], ['separators', ' -'], ['invisible characters', 'a\u200b'],
  ['leet signs', '4$1!0'], ['digits', '1234567890'], ['loose digits', '1 2 3 4 5 '], ['mail addresses', 'a@a.co '], ['phone numbers', '+1 202 555 0123 '], ['card numbers', '4111 1111 1111 1111 '],
] as const) printWorst(name, unit, all);

head('an expression', 'over a million', 'ms', 'times the half');
for (const [pattern, unit] of REDOS) {
  try {
    const regex = compileRegex(pattern);
    printWorst(`\`${pattern.replaceAll('|', '\\|')}\` | \`${unit}\``, unit, () => [regexDetector([regex])]);
  } catch (refused) {
    if (!(refused instanceof RegexRefused)) throw refused;
    row(`\`${pattern.replaceAll('|', '\\|')}\``, `refused: ${refused.message}`, '', '');
  }
}
console.log(`\nload ${loadavg()[0]!.toFixed(1)}`);
