/**
 * Runs random texts, policies and cuts through the stream and holds them to the laws of `ReleasingStream`: what leaves
 * is what leaves of the whole text (SP1), each part of it at once final (SP2), the hold is bounded (SP4), and nothing is
 * held behind the end (SP5). By hand: `node libs/automaton/src/stream/testing/fuzz.ts RUNS [SEED]`.
 */
import { fileURLToPath } from 'node:url';
import type { Detector } from '../../detector.ts';
import { compileKeywords, type CompiledKeywords, type KeywordList } from '../../keywords/compile-keywords.ts';
import { keywordDetector } from '../../keywords/keyword-detector.ts';
import { filterWhole } from '../filter-whole.ts';
import type { Released, ReleasePolicy, RuleAction } from '../release-policy.ts';
import { ReleasingStream } from '../releasing-stream.ts';
import { Random } from './random.ts';

const LETTERS = ['a', 'b', 's', 'i', 'l', 'f', '法', '轮', '功', '八'];
/** Some words are listed in parts. */
const IN_WORDS = [...LETTERS, ...LETTERS, ' ', '-'];
/** Disguises of the letters, what is skipped inside of words, half and whole surrogate pairs. */
const SIGNS = [...LETTERS, ...LETTERS, 'A', 'ａ', 'а', 'ﬁ', '輪', '發', '巴', '4', '$', '1', '!', '\u200b', '\u0301', ' ', '-', '*', 'é', 'x', '1', '😀', '𝐚', '\ud83d', '\ude00'];
const ACTIONS: readonly RuleAction[] = ['block', 'mask', 'mask', 'flag', 'allow'];
const POLICIES = 200;
const CUTS_A_TEXT = 10;
const MAX_SIGNS = 16;
const MAX_HOLD = 400;

interface Subject {
  readonly compiled: readonly CompiledKeywords[];
  readonly policy: ReleasePolicy;
  readonly lists: readonly KeywordList[];
}

export interface FuzzOptions {
  readonly runs: number;
  readonly seed: number;
  /** Stands between a detector and the stream: how a spec shows that a fault would be found. */
  readonly wrap?: (detector: Detector) => Detector;
}

/** How many runs kept the laws before the first that did not, and what that one was. */
export interface FuzzResult {
  readonly runs: number;
  readonly violation?: string;
}

export function fuzz({ runs, seed, wrap = (detector) => detector }: FuzzOptions): FuzzResult {
  const random = new Random(seed);
  const subjects = Array.from({ length: POLICIES }, () => randomSubject(random));
  for (let done = 0; done < runs; done += CUTS_A_TEXT) {
    const subject = random.pick(subjects);
    const text = random.text(SIGNS, 1 + random.below(MAX_SIGNS));
    const whole = filterWhole(text, [keywordDetector(subject.compiled)], subject.policy);
    for (let cut = 0; cut < CUTS_A_TEXT; cut++) {
      const most = 1 + random.below(cut < 2 ? 2 : 8);
      const law = brokenLaw(text, () => 1 + random.below(most), wrap(keywordDetector(subject.compiled)), subject.policy, whole);
      if (law) return { runs: done + cut, violation: `${law}: ${JSON.stringify({ text, lists: subject.lists, actions: subject.policy.actions })}` };
    }
  }
  return { runs };
}

/** Takes a text through a stream in pieces; says which law broke, if any. */
export function brokenLaw(text: string, nextSize: () => number, detector: Detector, policy: ReleasePolicy, whole: Released): string | undefined {
  const stream = new ReleasingStream([detector], policy);
  let out = '';
  let matches = 0;
  const take = (released: Released): string | undefined => {
    out += released.text;
    if (!whole.text.startsWith(out)) return `SP2: ${JSON.stringify(out)} is no beginning of ${JSON.stringify(whole.text)}`;
    for (const match of released.matches) {
      const expected = whole.matches[matches++];
      if (!expected || match.rule !== expected.rule || match.start !== expected.start || match.end !== expected.end || match.text !== expected.text) return `SP1: match ${matches} is ${JSON.stringify(match)}`;
    }
    return stream.held > policy.maxHold ? `SP4: ${stream.held} held` : undefined;
  };
  for (let at = 0; at < text.length;) {
    const size = nextSize();
    const law = take(stream.push(text.slice(at, at + size)));
    if (law) return law;
    at += size;
  }
  const last = stream.end();
  const law = take(last);
  if (law) return law;
  if (stream.held !== 0) return `SP5: ${stream.held} held behind the end`;
  const same = out === whole.text && matches === whole.matches.length && last.blockedAt === whole.blockedAt && last.blockedBy === whole.blockedBy;
  return same ? undefined : `SP1: ${JSON.stringify({ out, matches, last })} instead of ${JSON.stringify(whole)}`;
}

function randomSubject(random: Random): Subject {
  const actions = Array.from({ length: 1 + random.below(4) }, () => random.pick(ACTIONS));
  const lists = actions.map((action, rule) => ({
    rule,
    words: Array.from({ length: 1 + random.below(4) }, () => random.text(IN_WORDS, 1 + random.below(5))),
    allow: action === 'allow',
    wholeWord: random.below(2) === 0,
  }));
  const own = random.below(lists.length + 1);
  const compiled = [lists.slice(0, own), lists.slice(own)].filter(({ length }) => length > 0).map(compileKeywords);
  return { lists, compiled, policy: { actions, maxHold: MAX_HOLD, mask: (rule, text) => `<${rule}:${text}>` } };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [runs = 1_000_000, seed = 1] = process.argv.slice(2).map(Number);
  const started = performance.now();
  const result = fuzz({ runs, seed });
  process.stdout.write(`${result.violation ?? 'no law was broken'}\n${result.runs} runs in ${Math.round(performance.now() - started)} ms\n`);
  if (result.violation) process.exitCode = 1;
}
