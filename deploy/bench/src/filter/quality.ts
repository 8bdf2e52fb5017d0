/**
 * `node --conditions=@sluice/source --import ./deploy/host/source-loader.mjs deploy/bench/src/filter/quality.ts FOLDER [SEED] [--missed]`:
 * what the content filter finds and what it finds wrongly, as the tables of docs/content-filter.md. The folder holds the
 * public sets that the document names; the cases are new for every seed. `--missed` shows some of what was not found.
 */
import { allowCheck } from './allow-check.ts';
import { benignRates } from './benign-rate.ts';
import { seeded } from './corpus.ts';
import { evasionRecalls } from './evasion-recall.ts';
import { generatedPii } from './pii-generated.ts';

const [folder, ...options] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: quality.ts FOLDER [SEED] [--missed]');
const seed = Number(options.find((option) => /^\d+$/.test(option)) ?? 20_261_122);

const percent = (share: number, digits = 2): string => `${(100 * share).toFixed(digits)} %`;
const row = (...cells: readonly (string | number)[]): void => console.log(`| ${cells.join(' | ')} |`);
const head = (...cells: readonly string[]): void => {
  console.log('');
  row(...cells);
  row(...cells.map(() => '---'));
};

console.log(`seed ${seed}`);
head('disguise', 'cases', 'found', 'by looking for the word itself');
for (const { name, cases, found, exact, missed } of evasionRecalls(folder, seeded(seed))) {
  row(name, cases, percent(found / cases), percent(exact / cases, 1));
  if (options.includes('--missed')) for (const one of missed) console.log(`    ${one}`);
}

head('harmless texts', 'words', 'the words themselves', 'in normal form', 'with leet, repeats, sounds');
for (const { texts, words, exact, normalised, all } of benignRates(folder)) row(texts, words, ...[exact, normalised, all].map((share) => percent(share)));

const { cases, falseHits, lost, lexiconHits } = allowCheck(folder);
head('harmless cases', 'false hits', 'with the whole English lexicon', 'listed words lost');
row(cases, falseHits.length, lexiconHits.length, lost.length);
for (const text of [...falseHits, ...lost, ...lexiconHits]) console.log(`    ${text}`);

head('personal data', 'cases', 'recall', 'precision', 'masks that hide');
for (const { type, cases: texts, recall, precision, masked } of generatedPii(seed)) row(type, texts, percent(recall), percent(precision), percent(masked));
