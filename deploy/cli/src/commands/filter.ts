import { isUtf8 } from 'node:buffer';
import { InvalidArgumentError, Option, type Command } from 'commander';
import type { z } from 'zod';
import { readGivenFile } from '../data-folder/given-file.ts';
import { CommandFailed, WrongUse } from '../exit-code.ts';
import { filterRule, filterRules, filterStats, filterTrial, listOf } from '../platform-api/answers.ts';
import { adminApi } from '../platform-api/connection.ts';
import { printable, printableLine } from '../terminal/printable.ts';
import { readPrompt } from '../terminal/stdin.ts';
import { table } from '../terminal/table.ts';
import { asTyped } from '../terminal/typed-command.ts';
import { day } from './day.ts';
import { examples, printAnswer, reads, type ReadOptions } from './output.ts';

/** The platform takes 8 MiB in all; 100,000 words of any script are less. */
const MAX_WORDS_FILE_BYTES = 8 * 1024 * 1024;
/** Patterns shown of one rule in a table. */
const SHOWN_PATTERNS = 3;
const PII_TYPES = ['email', 'phone', 'cn_id', 'bank_card', 'credit_card', 'iban', 'ip', 'uscc'];

interface AddOptions extends ReadOptions {
  readonly kind: string;
  readonly action: string;
  readonly direction: string;
  readonly project?: string;
  readonly title?: string;
  readonly wordsFile?: string;
}

interface PlaceOptions extends ReadOptions {
  readonly project?: string;
}

export function addFilterCommands(program: Command): void {
  const group = program.command('filter').description('rules on what goes into a model and comes out of one: add, list, remove, try, stats');

  const add = reads(group.command('add').description('add a rule; it holds for every call from the next one on').argument('[word-or-regex]', 'the word or the regular expression; none for pii:TYPE'))
    .option('--kind <kind>', `word, regex, or pii:TYPE (${PII_TYPES.join(', ')})`, kindOf, 'word')
    .addOption(new Option('--action <action>', 'block: end the call; mask: put stars in its place; flag: only record it; allow: words that no other rule may match inside of; the allow of a project also undoes a rule of the organisation, in its calls').choices(['block', 'mask', 'flag', 'allow']).default('block'))
    .addOption(new Option('--direction <direction>', 'prompts (in), answers (out) or both').choices(['in', 'out', 'both']).default('both'))
    .option('--project <id>', 'for calls of this project only (default: the whole organisation)')
    .option('--title <text>', 'what whoever is refused is told; it must not hold the word')
    .option('--words-file <file>', 'a list of words instead of one: UTF-8, a word a line; up to 100000 words of up to 100 characters, 2000000 characters together (all words of an organisation: 200000, of 2000000 characters)');
  examples(add, [
    'sluice filter add "project bluebird" --title "internal names"', 'sluice filter add --words-file words.txt --action mask --direction out',
    "sluice filter add 'ticket-[0-9]{6}' --kind regex --action flag", 'sluice filter add --kind pii:email --action mask', 'sluice filter add Scunthorpe --action allow',
  ]).action(addRule);

  examples(reads(group.command('list').description('list the rules')).option('--project <id>', 'only those that hold for calls of this project'), ['sluice filter list', 'sluice filter list --json']).action(async (options: PlaceOptions) => {
    const answer = await adminApi(options).get('/filter/rules', filterRules, { project_id: options.project });
    printAnswer(options, answer, () => (answer.data.length === 0 ? asTyped('There is no rule: everything passes. Add one with: sluice filter add WORD') : table(
      ['ID', 'KIND', 'ACTION', 'DIRECTION', 'PROJECT', 'TITLE', 'LOOKS FOR'],
      answer.data.map((rule) => [rule.id, rule.kind, rule.action, rule.direction, rule.project_id ?? '(every)', printableLine(rule.title), looksFor(rule)]),
    )));
  });

  examples(reads(group.command('remove').description('remove a rule; calls that run keep the rules that they began with').argument('<id>', 'id of the rule')), ['sluice filter remove rule_01jd...']).action(async (id: string, options: ReadOptions) => {
    const answer = await adminApi(options).send('DELETE', `/filter/rules/${encodeURIComponent(id)}`, filterRule);
    printAnswer(options, answer, () => `removed ${answer.id} (${printableLine(answer.title)})`);
  });

  const trial = reads(group.command('try').description('show what the rules would do with a text; nothing is counted').argument('<text>', 'the text, or - to read it from standard input'))
    .addOption(new Option('--direction <direction>', 'as a prompt (in) or as an answer (out)').choices(['in', 'out']).default('in'))
    .option('--project <id>', 'by the rules of this project too (default: those of the organisation alone)');
  examples(trial, ['sluice filter try "write to jane@example.com"', 'sluice filter try - --direction out < answer.txt']).action(tryText);

  const stats = reads(group.command('stats').description('show how often each rule spoke'))
    .option('--project <id>', 'in calls of this project only')
    .option('--since <date>', 'from this day on (UTC), as in 2026-01-31', day);
  examples(stats, ['sluice filter stats', 'sluice filter stats --since 2026-11-01 --json']).action(async (options: PlaceOptions & { readonly since?: string }) => {
    const answer = await adminApi(options).get('/filter/stats', listOf(filterStats), { project_id: options.project, since: options.since && `${options.since}T00:00:00.000Z` });
    printAnswer(options, answer, () => (answer.data.length === 0 ? 'No rule has spoken.' : table(
      ['RULE', 'TITLE', 'PROJECT', 'BLOCKED', 'MASKED', 'FLAGGED', 'LAST HIT'],
      answer.data.map((row) => [row.rule_id, printableLine(row.title), row.project_id ?? '-', String(row.blocked), String(row.masked), String(row.flagged), row.last_hit_at ?? '-']),
    )));
  });
}

async function addRule(pattern: string | undefined, options: AddOptions): Promise<void> {
  const { kind, action, direction, project, title, wordsFile } = options;
  if (action === 'allow' && kind !== 'word') throw new WrongUse('--action allow is for words: give no --kind, or --kind word.');
  const patterns = await patternsOf(pattern, kind, wordsFile);
  const body = { kind, patterns, action, direction, ...(project && { project_id: project }), ...(title && { title }) };
  const rule = await adminApi(options).send('POST', '/filter/rules', filterRule, body);
  const count = rule.pattern_count > 1 ? `, ${rule.pattern_count} words` : '';
  printAnswer(options, rule, () => `added ${rule.id}: ${rule.action} ${rule.kind}, ${rule.direction}${count} (${printableLine(rule.title)}). It is in force.`);
}

async function patternsOf(pattern: string | undefined, kind: string, wordsFile: string | undefined): Promise<string[]> {
  if (kind.startsWith('pii:')) {
    if (pattern !== undefined || wordsFile !== undefined) throw new WrongUse(`--kind ${kind} says what to look for: give no word beside it.`);
    return [];
  }
  if (wordsFile === undefined) {
    if (pattern === undefined || pattern.trim() === '') throw new WrongUse(kind === 'regex' ? 'Give a regular expression.' : 'Give a word, or --words-file FILE.');
    return [pattern];
  }
  if (pattern !== undefined) throw new WrongUse('Give a word or --words-file, not both.');
  if (kind === 'regex') throw new WrongUse('--words-file holds words; add a rule for each regular expression.');
  return readWords(wordsFile);
}

function readWords(file: string): string[] {
  const bytes = readGivenFile(file, MAX_WORDS_FILE_BYTES, 'split it, and add a rule for each part');
  if (!isUtf8(bytes)) throw new CommandFailed(`${file} is not text in UTF-8.`);
  const words = bytes.toString('utf8').replace(/^\uFEFF/, '').split('\n').map((line) => line.trim()).filter((line) => line !== '');
  if (words.length === 0) throw new CommandFailed(`${file} holds no word.`);
  return words;
}

async function tryText(words: string, options: PlaceOptions & { readonly direction: string }): Promise<void> {
  const text = words === '-' ? await readPrompt() : words;
  const { project, direction } = options;
  const answer = await adminApi(options).send('POST', '/filter/try', filterTrial, { text, direction, ...(project && { project_id: project }) });
  if (!options.json) process.stderr.write(`${verdict(answer)}\n`);
  printAnswer(options, answer, () => printable(answer.text));
}

function verdict({ action, rule_title: title, hits }: z.infer<typeof filterTrial>): string {
  const found = hits.map((hit) => `${hit.rule_id} (${hit.kind}) at ${hit.start} to ${hit.end}: ${hit.action}`);
  const said = action === null ? 'No rule matches: it leaves as it is.' : action === 'block' ? `Blocked: ${printableLine(title ?? '')}. Before the match:` : action === 'mask' ? 'Masked:' : 'Flagged, and leaves as it is:';
  return [...found, said].join('\n');
}

function looksFor({ kind, patterns, pattern_count: count }: z.infer<typeof filterRule>): string {
  if (patterns === null) return `${count} words`;
  if (kind.startsWith('pii:')) return '-';
  const more = count > SHOWN_PATTERNS ? `, and ${count - SHOWN_PATTERNS} more` : '';
  return printableLine(patterns.slice(0, SHOWN_PATTERNS).join(', ')) + more;
}

function kindOf(text: string): string {
  if (text === 'word' || text === 'regex' || PII_TYPES.some((type) => text === `pii:${type}`)) return text;
  throw new InvalidArgumentError(`Give word, regex, or pii: with one of ${PII_TYPES.join(', ')}.`);
}
