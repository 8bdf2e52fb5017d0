/**
 * The text engine of the content filter by itself: `node --conditions=@sluice/source --import ./deploy/host/source-loader.mjs
 * deploy/bench/src/filter/main.ts [FOLDER]`. The folder holds words and texts (see `corpus`); without it they are generated.
 */
import { keywordDetector } from '@sluice/automaton';
import { corpus, WORDS } from './corpus.ts';
import { build, everyPii, matchCore, pipeline, sameAsNaive, streamed, swap, worst } from './measures.ts';

const say = (line: string) => process.stdout.write(`${line}\n`);
const round = (value: number, digits = 1) => value.toFixed(digits);

const { words, overlay, zh, en } = corpus(process.argv[2]);
const { compiled, coldMs, warmMs, megabytes } = build(words);
say(`build of ${WORDS} words: ${round(coldMs, 0)} ms cold, ${round(warmMs, 0)} ms warm, tables ${round(megabytes)} MB`);
const { longestMs, totalMs } = await swap(words);
say(`swap: ${round(totalMs, 0)} ms on a thread, event loop paused ${round(longestMs)} ms at most`);

const project = build(overlay).compiled;
for (const [language, text] of [['zh', zh], ['en', en]] as const) {
  const { core, whole, regexOfAThousand } = matchCore(compiled, words, text);
  say(`${language}: match core ${round(core, 0)} MB/s, with normaliser, sounds and masks ${round(whole, 0)} MB/s; regex of 1,000 words ${round(regexOfAThousand)} MB/s`);
  const { p50Us, p99Us } = pipeline(text, [compiled, project]);
  say(`${language}: prompts of 2 KB through ${WORDS} and 5,000 words and personal data: p50 ${round(p50Us)} µs/KB, p99 ${round(p99Us)} µs/KB`);
  for (const [what, detectors] of [['keywords', () => [keywordDetector([compiled])]], ['and personal data', () => [keywordDetector([compiled]), everyPii()]]] as const) {
    const { mean, p99, p999, ...cost } = streamed(text, detectors);
    say(`${language}: held, ${what}: mean ${round(mean, 2)}, p99 ${p99}, p99.9 ${p999} units; a token p50 ${round(cost.p50Us, 2)} µs, p99 ${round(cost.p99Us, 2)} µs`);
  }
}
for (const { name, twiceMs, growth } of worst(words)) say(`worst, ${name}: 1 M units ${round(twiceMs, 0)} ms, ${round(growth, 2)} times the half`);
const { matches, same } = sameAsNaive(words, zh, en);
say(`${matches} occurrences in 5 M units, ${same ? 'the same' : 'NOT THE SAME'} as by looking at every place`);
if (!same) process.exitCode = 1;
