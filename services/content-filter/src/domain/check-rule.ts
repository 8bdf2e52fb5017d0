import { ServiceError } from '@sluice/errors';
import { isKind, piiTypeOf, type Action, type Direction, type Kind, type RuleContent } from './rule.ts';

/** The automaton of a list this long takes about 10 MB and half a second of a core. */
export const MAX_WORDS = 100_000;
/** Characters of all words of an organisation, and so of one list: automata of some 120 MB in every process at worst, and three seconds of a core to build them. */
export const MAX_CHARACTERS = 2_000_000;
/** A longer text is no word; what is held back of a stream is at most as long. */
export const MAX_WORD_CHARACTERS = 100;
/** The automaton of a regular expression grows with it, and is looked through for every character. */
export const MAX_REGEX_CHARACTERS = 256;
export const MAX_TITLE_CHARACTERS = 100;

/** A rule as it was asked for. */
export interface GivenRule {
  readonly kind: string;
  readonly patterns: readonly string[];
  readonly action: Action | undefined;
  readonly direction: Direction | undefined;
  readonly title: string;
}

/** A rule that is well formed. Errors: `invalid_value`, `missing_required_parameter`; they name the field, never a pattern. */
export function checkRule(given: GivenRule): RuleContent {
  const { kind, action, direction = 'both' } = given;
  if (!isKind(kind)) throw invalid('kind', 'a rule is of the kind word, regex, or pii:TYPE with one of the types email, phone, cn_id, bank_card, credit_card, iban, ip and uscc');
  if (!action) throw new ServiceError('missing_required_parameter', '`action` must be given.', { param: 'action' });
  if (action === 'allow' && kind !== 'word') throw invalid('action', 'only words can be allowed');
  return { kind, patterns: checkPatterns(kind, given.patterns), action, direction, title: checkTitle(given.title) || defaultTitle(kind, action) };
}

function checkPatterns(kind: Kind, patterns: readonly string[]): readonly string[] {
  if (piiTypeOf(kind)) {
    if (patterns.length > 0) throw invalid('patterns', 'a rule for personal data takes no pattern: its kind says what it looks for');
    return [];
  }
  if (patterns.length === 0) throw new ServiceError('missing_required_parameter', '`patterns` must hold a word or a regular expression.', { param: 'patterns' });
  // One look at all of them: a list of words is long.
  if (/[\u0000-\u001f\u007f-\u009f]/.test(patterns.join(''))) throw invalid('patterns', 'a pattern holds no control characters');
  return kind === 'regex' ? checkRegex(patterns) : checkWords(patterns);
}

function checkRegex(patterns: readonly string[]): readonly string[] {
  const [regex, ...more] = patterns;
  if (more.length > 0) throw invalid('patterns', 'a rule has one regular expression; add a rule for each');
  if (regex === '') throw invalid('patterns', 'the regular expression is empty');
  if (regex!.length > MAX_REGEX_CHARACTERS) throw invalid('patterns', `a regular expression has at most ${MAX_REGEX_CHARACTERS} characters`);
  return [regex!];
}

function checkWords(patterns: readonly string[]): readonly string[] {
  if (patterns.length > MAX_WORDS) throw invalid('patterns', `a list has at most ${MAX_WORDS} words; add another rule for the rest`);
  const words = new Set<string>();
  for (const pattern of patterns) {
    const word = pattern.trim();
    if (word === '') throw invalid('patterns', 'a word is empty');
    if (word.length > MAX_WORD_CHARACTERS) throw invalid('patterns', `a word has at most ${MAX_WORD_CHARACTERS} characters`);
    words.add(word);
  }
  const characters = charactersOf([...words]);
  if (characters > MAX_CHARACTERS) throw invalid('patterns', `the words of a list have at most ${MAX_CHARACTERS} characters together, and these have ${characters}; leave out the longest`);
  return [...words];
}

/** Unicode code points, as a database counts them. */
export function charactersOf(words: readonly string[]): number {
  let characters = 0;
  for (const word of words) {
    characters += word.length;
    for (let at = 1; at < word.length; at++) if ((word.charCodeAt(at) & 0xfc00) === 0xdc00 && (word.charCodeAt(at - 1) & 0xfc00) === 0xd800) characters--;
  }
  return characters;
}

function checkTitle(title: string): string {
  if (title.length > MAX_TITLE_CHARACTERS) throw invalid('title', `a title has at most ${MAX_TITLE_CHARACTERS} characters`);
  if (/\p{Cc}/u.test(title)) throw invalid('title', 'a title holds no control characters');
  return title.trim();
}

/** Says what kind of rule spoke, and nothing of what it looks for. */
function defaultTitle(kind: Kind, action: Action): string {
  if (action === 'allow') return 'allowed words';
  if (kind === 'word') return 'keyword rule';
  return kind === 'regex' ? 'pattern rule' : kind;
}

function invalid(param: string, why: string): ServiceError {
  return new ServiceError('invalid_value', `Invalid \`${param}\`: ${why}.`, { param });
}
