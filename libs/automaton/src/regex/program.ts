import type { CharacterClasses } from './character-classes.ts';
import type { LazyAutomaton } from './lazy-automaton.ts';

/** What an instruction does; `first` and `second` are what it does it with. */
export const Op = {
  /** Takes a character of the set `first` and goes on at `second`. */
  Take: 0,
  /** Goes on at both. */
  Split: 1,
  /** Goes on at `second` where the assertion `first` holds. */
  Assert: 2,
  Match: 3,
} as const;

export const Assertion = { TextStart: 0, TextEnd: 1, WordBorder: 2, NoWordBorder: 3 } as const;

export interface Instruction {
  readonly op: number;
  readonly first: number;
  readonly second: number;
}

/** What an expression does, character by character. */
export interface Program {
  readonly instructions: readonly Instruction[];
  readonly entry: number;
  readonly hasAssertions: boolean;
  readonly classes: CharacterClasses;
  /** Index of the set of word characters, of which `\b` speaks. */
  readonly wordSet: number;
}

/** An expression that can be run over any number of texts at once; nothing in it changes but what it has learnt of them. */
export interface CompiledRegex extends Program {
  readonly pattern: string;
  readonly ignoreCase: boolean;
  readonly automaton: LazyAutomaton;
}
