import type { Policy, TextDirection } from './policy.ts';

/** A longer text costs more room than it is likely to spare time. */
const KEPT_UNITS = 1024;
/** All texts of one policy and direction: the definitions of some hundred tools. */
const ALL_KEPT_UNITS = 131_072;
/** What an entry takes beside its text. */
const ENTRY_UNITS = 32;

/**
 * Texts that stand beside messages and answers (definitions of tools, numbers of usage) and come again call after call, in
 * which one policy found nothing in one direction. It never changes, so neither does what it finds: each is looked at once.
 */
export class RecurringTexts {
  readonly #clean = new Set<string>();
  #room = ALL_KEPT_UNITS;

  has(text: string): boolean {
    return text.length <= KEPT_UNITS && this.#clean.has(text);
  }

  /** Only of what `has` does not know. Where there is no room left, it begins anew. */
  add(text: string): void {
    if (text.length > KEPT_UNITS) return;
    if ((this.#room -= text.length + ENTRY_UNITS) < 0) {
      this.#clean.clear();
      this.#room = ALL_KEPT_UNITS - text.length - ENTRY_UNITS;
    }
    this.#clean.add(copied(text));
  }
}

/** A part of a string keeps all of it in memory: a whole call. */
const copied = (text: string): string => Buffer.from(text, 'utf16le').toString('utf16le');

const KNOWN = new WeakMap<Policy, Readonly<Record<TextDirection, RecurringTexts>>>();

/** Those of a policy, for as long as it is in use. */
export function recurringTextsOf(policy: Policy): Readonly<Record<TextDirection, RecurringTexts>> {
  let known = KNOWN.get(policy);
  if (!known) KNOWN.set(policy, (known = { in: new RecurringTexts(), out: new RecurringTexts() }));
  return known;
}
