import type { Policies, Policy, PolicyRule, Release, TextDirection, TextMatch, TextStream } from '../policy.ts';

/** A literal word and what becomes of it. */
export interface ScriptedRule {
  readonly word: string;
  readonly action: PolicyRule['action'];
  readonly direction?: TextDirection;
}

export const MASK = '[masked]';

/** What a letter costs: so much that a test can come to the limits with short texts. */
export const STEPS_A_LETTER = 2_000;

/** Literal words, found the slowest and plainest way: what the filter of a call is held against, without the engine that is used in earnest. */
export class ScriptedPolicy implements Policy {
  readonly version: bigint;
  readonly #rules: readonly ScriptedRule[];

  constructor(rules: readonly ScriptedRule[], version = 7n) {
    this.#rules = rules;
    this.version = version;
  }

  get filtersInput(): boolean {
    return this.#rules.some(({ direction }) => direction !== 'out');
  }

  get filtersOutput(): boolean {
    return this.#rules.some(({ direction }) => direction !== 'in');
  }

  get masksAlone(): ScriptedPolicy {
    return new ScriptedPolicy(this.#rules.map((rule) => (rule.action === 'block' ? { ...rule, action: 'flag' } : rule)), this.version);
  }

  rule(index: number): PolicyRule {
    const { action } = this.#rules[index]!;
    return { id: `rule-${index}`, kind: 'word', action, title: `Title ${index}` };
  }

  open(direction: TextDirection, spend: (steps: number) => void = () => undefined): TextStream {
    return new ScriptedStream(this.#rules.map((rule) => (rule.direction === undefined || rule.direction === direction ? rule : { ...rule, word: '' })), spend);
  }

  /** What leaves of a whole text. */
  whole(text: string, direction: TextDirection = 'out'): { text: string; blocked: boolean } {
    const stream = this.open(direction);
    const pushed = stream.push(text);
    if (pushed.blockedBy !== undefined) return { text: pushed.text, blocked: true };
    return { text: pushed.text + stream.end().text, blocked: false };
  }
}

/** Breaks at a push, and says in its error what it looked at. */
export class FailingPolicy extends ScriptedPolicy {
  readonly #fails: (piece: string, pushes: number) => boolean;
  #pushes = 0;

  /** @param fails told the piece, and how many were pushed before */
  constructor(rules: readonly ScriptedRule[], fails: (piece: string, pushes: number) => boolean) {
    super(rules);
    this.#fails = fails;
  }

  override open(direction: TextDirection): TextStream {
    const stream = super.open(direction);
    const fails = (piece: string): boolean => this.#fails(piece, this.#pushes++);
    return {
      get held() {
        return stream.held;
      },
      push(piece) {
        if (fails(piece)) throw new SyntaxError(`Unexpected token in ${piece}\n    and more of ${piece}`);
        return stream.push(piece);
      },
      end: () => stream.end(),
    };
  }
}

/** The same policy for everybody, until it is exchanged. */
export class ScriptedPolicies implements Policies {
  policy: Policy;

  constructor(policy: Policy) {
    this.policy = policy;
  }

  of(): Policy {
    return this.policy;
  }
}

class ScriptedStream implements TextStream {
  readonly #rules: readonly ScriptedRule[];
  readonly #spend: (steps: number) => void;
  #text = '';
  /** How much of the text was looked at. */
  #seen = 0;
  #decided = 0;
  #isOver = false;
  readonly #masks: { start: number; end: number }[] = [];

  constructor(rules: readonly ScriptedRule[], spend: (steps: number) => void) {
    this.#rules = rules;
    this.#spend = spend;
  }

  get held(): number {
    return this.#isOver ? 0 : this.#seen - this.#decided;
  }

  push(piece: string): Release {
    const matches: TextMatch[] = [];
    this.#spend(piece.length * STEPS_A_LETTER);
    this.#text += piece;
    while (this.#seen < this.#text.length) {
      this.#seen++;
      const before = matches.length;
      this.#find(matches);
      const blocking = matches.slice(before).filter(({ rule }) => this.#rules[rule]!.action === 'block');
      if (blocking.length === 0) continue;
      const first = blocking.reduce((left, right) => (right.start < left.start ? right : left));
      const text = this.#release(first.start, true);
      this.#isOver = true;
      return { text, matches, blockedBy: first.rule };
    }
    return { text: this.#release(this.#frontier()), matches };
  }

  end(): Release {
    const text = this.#release(this.#text.length, true);
    this.#isOver = true;
    return { text, matches: [] };
  }

  #find(into: TextMatch[]): void {
    this.#rules.forEach(({ word, action }, rule) => {
      if (word === '' || !this.#text.endsWith(word, this.#seen)) return;
      const match = { rule, start: this.#seen - word.length, end: this.#seen, text: word };
      into.push(match);
      if (action === 'mask') this.#masks.push(match);
    });
  }

  /** Flagged words leave as they are: nothing is held for them. */
  #frontier(): number {
    let held = 0;
    for (const { word, action } of this.#rules) {
      if (action === 'flag') continue;
      for (let length = Math.min(word.length - 1, this.#seen); length > held; length--) if (this.#text.endsWith(word.slice(0, length), this.#seen)) held = length;
    }
    return this.#seen - held;
  }

  /** All before this offset leaves; of a mask that reaches behind it nothing does, unless nothing is to follow. */
  #release(frontier: number, isLast = false): string {
    let text = '';
    for (const { start, end } of this.#merged()) {
      if (end <= this.#decided) continue;
      if (start >= frontier) break;
      if (end > frontier && !isLast) {
        frontier = start;
        break;
      }
      text += this.#text.slice(this.#decided, start) + MASK;
      this.#decided = end;
    }
    text += this.#text.slice(this.#decided, frontier);
    this.#decided = Math.max(this.#decided, frontier);
    return text;
  }

  #merged(): { start: number; end: number }[] {
    const merged: { start: number; end: number }[] = [];
    for (const { start, end } of [...this.#masks].sort((left, right) => left.start - right.start)) {
      const last = merged.at(-1);
      if (last && start < last.end) last.end = Math.max(last.end, end);
      else merged.push({ start, end });
    }
    return merged;
  }
}
