import type { Clock, Ids } from '@sluice/clock';
import type { AdminAct } from '@sluice/events';
import type { AccessPermissions } from '@sluice/permissions';
import type { Policy } from './call/policy.ts';
import type { Rule, RuleHead } from './rule.ts';

/** What of an organisation is in force. */
export interface Totals {
  readonly rules: number;
  readonly patterns: number;
  /** Of all words, in code points. */
  readonly characters: number;
  readonly projects: readonly string[];
}

/** Rules of one organisation as one act sees and changes them; the act is the only one of its organisation until it ends. */
export interface RuleState {
  /** The version that the rules have with this act. */
  readonly version: bigint;
  /** A rule in force. */
  rule(id: string): Promise<RuleHead | undefined>;
  /** What is in force. */
  totals(): Promise<Totals>;
  /** The regular expressions of all rules in force. */
  expressions(): Promise<readonly string[]>;
  /** The id of a rule in force that does the same in the same place. */
  same(rule: Rule, digest: Uint8Array): Promise<string | undefined>;
  addRule(rule: Rule, digest: Uint8Array): Promise<void>;
  removeRule(id: string, atMs: number): Promise<void>;
  /** Leaves with the act: the new version for whoever applies the rules, and the act for the audit. */
  record(act: AdminAct): Promise<void>;
}

/** Where acts happen. */
export interface Acts {
  /** Runs one act on the rules of an organisation: what it writes and what it records commits together, or nothing of it. */
  act<T>(organisationId: string, work: (state: RuleState) => Promise<T>): Promise<T>;
}

/** Who may act, and on what there is; answered by access. */
export type Permissions = Pick<AccessPermissions, 'require' | 'hasProject'>;

/** All rules of an organisation that are in force. */
export interface RulesInForce {
  readonly version: bigint;
  readonly rules: readonly Rule[];
}

/** Makes policies of rules. Long lists are built off the event loop. */
export interface Compiler<Compiled = unknown> {
  /** How many parts these regular expressions have together, with their counts written out: what looking for them may cost at most, and what they take of memory. */
  partsOf(expressions: readonly string[]): Promise<number>;
  /** Errors: `invalid_value` (the message tells the position) for a rule with a pattern that cannot be looked for. */
  refuseUnfit(rule: Rule): Promise<void>;
  /** A policy of this rule alone that flags whatever it may mean, its words also inside of longer ones. Errors: as of `compile`. */
  alone(rule: Rule, signal?: AbortSignal): Promise<Policy>;
  /**
   * The rules of one place: of the whole organisation, or of one project. Errors: `invalid_value` when there is no room for their words.
   * @param before what was compiled for that place; what of it did not change is taken over
   * @param signal ends it, and frees what it took
   */
  compile(rules: readonly Rule[], before?: Compiled, signal?: AbortSignal): Promise<Compiled>;
  /** A policy of what was compiled for the whole organisation, for one project, or for both. */
  policy(version: bigint, parts: readonly Compiled[]): Policy;
}

/** Tries rules out where they are owned. */
export interface Rehearsals {
  /**
   * Compiles a rule beside those in force, before it is kept: what cannot be compiled is found here, and not by calls. Whoever applies it takes over what was
   * compiled, until the answer is called: it frees that, or, told the version that has the rule, does so when this process has taken it over.
   * Errors: `invalid_value` when it takes too much time or room, `content_filter_unavailable` when the rules in force are not known, `overloaded` when others
   * are compiled until then.
   * @param untilMs on the monotonic clock, when nobody waits for it any more
   * @param first what must hold before, in the same turn and time
   */
  rehearse(rule: Rule, untilMs: number, first: (signal: AbortSignal) => Promise<void>): Promise<(kept?: bigint) => void>;
}

/** Makes rules take effect in this process. */
export interface InForce {
  /** Resolves when this process applies that version or a later one. Errors: `content_filter_unavailable`. */
  reached(organisationId: string, version: bigint): Promise<void>;
}

/** What every act needs. */
export interface Administration {
  readonly acts: Acts;
  readonly permissions: Permissions;
  readonly compiler: Compiler;
  readonly rehearsals: Rehearsals;
  readonly clock: Clock;
  readonly ids: Ids;
}
