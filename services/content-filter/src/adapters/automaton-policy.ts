import { ReleasingStream, maskPii, type Detector, type Match, type ReleasePolicy, type Released, type RuleAction } from '@sluice/automaton';
import { ServiceError } from '@sluice/errors';
import type { Policy, PolicyRule, Release, TextDirection, TextStream } from '../domain/call/policy.ts';
import { piiTypeOf, type Rule } from '../domain/rule.ts';

/** Twice what one expression may hold back (its own limit is 4,096): only a fault of ours could hold more. */
const MAX_HOLD_UNITS = 8_192;

/** What one character costs beside the expressions, in looks of theirs, which take some 15 ns. */
const STEPS_A_UNIT = 2;

/** What a match costs: it is put in order, counted, told, hashed or masked. */
const STEPS_A_MATCH = 32;

/** A detector that tells what it has cost so far, in steps, when that is not the same for every character. */
export type PolicyDetector = Detector & { readonly steps?: number };

/** What looks at a text in one direction. */
export interface Openers {
  /** Makes the detectors of one text; empty where no rule looks. */
  readonly in: readonly (() => PolicyDetector)[];
  readonly out: readonly (() => PolicyDetector)[];
}

interface Way {
  readonly open: readonly (() => PolicyDetector)[];
  readonly release: ReleasePolicy;
}

/** A policy over detectors of libs/automaton; rules are numbered as the detectors number them. */
export class AutomatonPolicy implements Policy {
  readonly version: bigint;
  readonly filtersInput: boolean;
  readonly filtersOutput: boolean;
  readonly #given: { readonly rules: ReadonlyMap<number, Rule>; readonly openers: Openers };
  readonly #rules: ReadonlyMap<number, PolicyRule>;
  readonly #ways: Readonly<Record<TextDirection, Way>>;
  #masksAlone: AutomatonPolicy | undefined;

  constructor(version: bigint, rules: ReadonlyMap<number, Rule>, openers: Openers) {
    this.version = version;
    this.#given = { rules, openers };
    this.#rules = new Map([...rules].flatMap(([number, { id, kind, action, title }]) => (action === 'allow' ? [] : [[number, { id, kind, action, title }]])));
    const looks = (direction: TextDirection): boolean => [...rules.values()].some((rule) => rule.action !== 'allow' && (rule.direction === direction || rule.direction === 'both'));
    this.filtersInput = looks('in');
    this.filtersOutput = looks('out');
    const actions: RuleAction[] = [];
    for (const [number, { action }] of rules) actions[number] = action;
    const way = (open: readonly (() => PolicyDetector)[]): Way => ({ open, release: { actions, maxHold: MAX_HOLD_UNITS, mask: (number, matched) => masked(rules.get(number)!, matched, open, actions) } });
    this.#ways = { in: way(this.filtersInput ? openers.in : []), out: way(this.filtersOutput ? openers.out : []) };
  }

  get masksAlone(): AutomatonPolicy {
    const { rules, openers } = this.#given;
    const unblocked = [...rules].map(([number, rule]): [number, Rule] => [number, rule.action === 'block' ? { ...rule, action: 'flag' } : rule]);
    return (this.#masksAlone ??= new AutomatonPolicy(this.version, new Map(unblocked), openers));
  }

  rule(index: number): PolicyRule {
    return this.#rules.get(index)!;
  }

  open(direction: TextDirection, spend: (steps: number) => void = () => undefined): TextStream {
    const { open, release } = this.#ways[direction];
    const detectors = open.map((one) => one());
    return new AutomatonText(new ReleasingStream(detectors, release), detectors, spend);
  }
}

class AutomatonText implements TextStream {
  readonly #stream: ReleasingStream;

  readonly #metered: readonly PolicyDetector[];
  readonly #spend: (steps: number) => void;
  #spent = 0;

  constructor(stream: ReleasingStream, detectors: readonly PolicyDetector[], spend: (steps: number) => void) {
    this.#stream = stream;
    this.#metered = detectors.filter(({ steps }) => steps !== undefined);
    this.#spend = spend;
  }

  get held(): number {
    return this.#stream.held;
  }

  push(piece: string): Release {
    const released = this.#stream.push(piece);
    let steps = 0;
    for (const detector of this.#metered) steps += detector.steps!;
    this.#spend(piece.length * STEPS_A_UNIT + released.matches.length * STEPS_A_MATCH + steps - this.#spent);
    this.#spent = steps;
    return decided(released);
  }

  end(): Release {
    const released = this.#stream.end();
    this.#spend(released.matches.length * STEPS_A_MATCH);
    return decided(released);
  }
}

function decided({ text, matches, blockedAt, blockedBy }: Released): Release {
  if (blockedAt !== undefined && blockedBy === undefined) throw new ServiceError('content_filter_unavailable', 'The content filter would have to hold back more of a text than it can.');
  return blockedBy === undefined ? { text, matches } : { text, matches, blockedBy };
}

/** Personal data keeps its form, so that a reader still sees what stood there; words keep their length. */
function masked({ kind }: Rule, matched: string, open: readonly (() => Detector)[], actions: readonly RuleAction[]): string {
  const type = piiTypeOf(kind);
  return type && isOne(matched, open, actions) ? maskPii(type, matched) : '*'.repeat([...matched].length);
}

/** Matches that overlap are masked as one: what the form of one would show may be part of another. */
function isOne(matched: string, open: readonly (() => Detector)[], actions: readonly RuleAction[]): boolean {
  const matches: Match[] = [];
  for (const one of open) {
    const detector = one();
    detector.push(matched);
    detector.end();
    detector.drain(matches);
  }
  return matches.every(({ rule, start, end }) => actions[rule] !== 'mask' || (start === 0 && end === matched.length));
}
