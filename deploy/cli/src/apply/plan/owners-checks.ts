import { checkName } from '@sluice/access/names';
import { compileKeywords, compileRegex, KeywordsRefused, keywordDetector, regexDetector, RegexRefused, wordFault, type Detector, type Match } from '@sluice/automaton';
import { checkRule } from '@sluice/content-filter/given-rule';
import { ServiceError } from '@sluice/errors';
import { checkBaseUrl } from '@sluice/model-registry/base-url';
import { checkModelName } from '@sluice/model-registry/model-name';
import type { Fault } from '../fault.ts';
import type { FileFilterRule } from '../platform-file.ts';

/** What the services themselves refuse of what they own, known before they are asked; each gives the reason, or undefined. */
export const modelNameFault = (name: string): string | undefined => faultOf(() => checkModelName(name, 'name'));
export const nameFault = (name: string): string | undefined => faultOf(() => checkName(name, 'name'));
export const baseUrlFault = (url: string): string | undefined => faultOf(() => checkBaseUrl(url, 'openai'));

/**
 * What is wrong with a rule of the filter, seen from that rule.
 *
 * @param patterns what the rule looks for, from the file or from a list of words beside it
 */
export function filterRuleFaults({ kind, action, direction, title = '', words_file: file }: FileFilterRule, patterns: readonly string[]): Fault[] {
  const source = kind === 'regex' ? 'regex' : file === undefined ? 'words' : 'words_file';
  const refused = faultOf(() => checkRule({ kind, patterns, action, direction, title }));
  if (refused !== undefined) return [{ path: [source], message: refused }];
  const unfit = kind === 'regex' ? faultOf(() => compileRegex(patterns[0]!)) : undefined;
  if (unfit !== undefined) return [{ path: [source], message: unfit }];
  const words = kind === 'word' ? wordFaults(patterns, source) : [];
  return words.length > 0 || title === '' ? words : titleFaults(kind, patterns, title);
}

function wordFaults(words: readonly string[], source: 'words' | 'words_file' | 'regex'): Fault[] {
  return words.flatMap((word, at) => {
    const fault = wordFault(word);
    if (fault === undefined) return [];
    const why = fault === 'empty' ? 'holds nothing that can be looked for' : 'is too long';
    return [source === 'words' ? { path: [source, at], message: why } : { path: [source], message: `word ${at + 1} ${why}` }];
  });
}

/** Everyone who is refused is told the title. */
function titleFaults(kind: string, patterns: readonly string[], title: string): Fault[] {
  const detector = kind === 'regex' ? regexDetector([compileRegex(patterns[0]!)]) : kind === 'word' ? keywordDetector([compileKeywords([{ rule: 0, words: patterns, allow: false, wholeWord: false }])]) : undefined;
  return detector && finds(detector, title) ? [{ path: ['title'], message: 'is told to whoever is refused, and holds what the rule looks for' }] : [];
}

function finds(detector: Detector, text: string): boolean {
  const found: Match[] = [];
  detector.push(text);
  detector.end();
  detector.drain(found);
  return found.length > 0;
}

/** A refusal without the name of the parameter, which is not that of the file. */
function faultOf(check: () => unknown): string | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof RegexRefused) return `${error.message}, at position ${error.position}`;
    if (!(error instanceof ServiceError) && !(error instanceof KeywordsRefused)) throw error;
    return error.message.replace(/^(?:Invalid )?`[a-z_.]+`:? /, '').replace(/\.$/, '');
  }
}
