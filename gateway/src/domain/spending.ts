import type { Hold, Price } from '@sluice/proto/billing/v1/billing';
import type { ChatEvent } from '@sluice/proto/chat/v1/chat';
import { askedBytes, estimateTokens } from '@sluice/segment';
import { countedTogether, isLargerThan, stopped, withClip } from './budget-end.ts';
import { unaffordable } from './budget-refusal.ts';
import type { Call, Events, Principal, TokenCounts } from './call.ts';
import { clipped } from './clipped-call.ts';
import type { TokenBound } from './limits/token-bound.ts';
import { OutputMeter } from './output-meter.ts';
import { outputPlan, STEP_TOKENS, type OutputPlan } from './output-plan.ts';
import type { ModelOutput } from './output-visibility.ts';
import type { Place, SpendTalk } from './ports.ts';
import { setAside, type SetAside } from './set-aside.ts';

/** What was set aside; a refusal is thrown. */
type Held = SetAside & { readonly granted: { readonly refusal?: undefined } };
type Usage = Extract<ChatEvent['event'], { case: 'usage' }>['value'];

/** More is asked for before so little is left, because a batch may bring several tokens. */
export const MARGIN_TOKENS = 64;

const NOTHING_SEEN = { tokens: 0, hasReasoning: false };

/** Output that may leave now. */
export interface Covered {
  readonly events: Events;
  /** The money is at its end: nothing behind these events may be produced. */
  readonly isOver: boolean;
}

export interface SpendingAsked {
  readonly callId: string;
  readonly principal: Principal;
  readonly call: Call;
  readonly modelName: string;
  readonly bound: TokenBound;
  /** The tokens of the prompt that this call becomes at its model; undefined when they are not known. */
  readonly countInput: (call: Call) => Promise<number | undefined>;
  readonly output: ModelOutput;
}

/**
 * The money of one call: what is set aside for it, and that no more is produced than what is set aside covers. A call
 * that costs something asks for more as it goes on although no budget limits it: one may be set meanwhile.
 */
export class Spending {
  /** What the model is asked: with less output where the budget affords less than was asked for. */
  readonly call: Call;
  readonly price: Price;
  readonly #talk: SpendTalk;
  readonly #inputTokensBound: bigint;
  /** Input that the hold covers: what was held for more may have been given to output. */
  #inputCovered: bigint;
  readonly #output: ModelOutput;
  /** A tokeniser has counted the bound. */
  readonly #isCounted: boolean;
  #askedTokens: bigint | undefined;
  /** The most output that the model was asked for, over all choices. */
  readonly #most: number;
  readonly #isClipped: boolean;
  readonly meter = new OutputMeter();
  #hold: Hold;
  #covered: number;
  /** Less was affordable than was asked for, when it was asked last. */
  #isExhausted = false;

  private constructor(talk: SpendTalk, { call, bound, output }: SpendingAsked, plan: OutputPlan, { granted, inputTokensBound, isCounted }: Held) {
    const { hold, price, affordableOutputTokens } = granted;
    this.#talk = talk;
    this.#output = output;
    this.#hold = hold;
    this.price = price;
    this.#covered = Number(hold.outputTokens);
    const length = plan.length(this.#covered, affordableOutputTokens);
    this.call = hold.limited && !call.tensors ? clipped(call, length, plan.addedUpToTokens) : call;
    this.#isClipped = this.call !== call;
    this.#inputTokensBound = BigInt(inputTokensBound);
    this.#inputCovered = this.#inputTokensBound;
    this.#isCounted = isCounted;
    this.#most = this.#isClipped ? length * call.choices : Number(bound.outputTokens ?? Infinity);
  }

  /** Sets money aside. Throws `insufficient_quota` when a budget does not afford the call, `billing_unavailable` when that cannot be told. */
  static async begin(talk: SpendTalk, asked: SpendingAsked, place: Place): Promise<Spending> {
    const { callId, principal, modelName, call, bound, output } = asked;
    const plan = outputPlan(output, bound.outputTokens === undefined ? undefined : Number(bound.outputTokens), call.choices);
    const wanted = { ...place, callId, principal, modelName, inputTokensBound: bound.inputTokens.most, outputTokens: plan.first, outputTokensBound: plan.most, leastOutputTokens: plan.least };
    const { granted, ...input } = await setAside(talk, wanted, () => asked.countInput(call));
    if (granted.refusal) throw unaffordable(granted.refusal);
    const isLeft = plan.isWhole && plan.first < plan.most && granted.affordableOutputTokens >= plan.most;
    const hold = isLeft ? await talk.extend({ outputTokens: plan.most, leastOutputTokens: plan.most }) : granted.hold;
    return new Spending(talk, asked, plan, { granted: { ...granted, hold }, ...input });
  }

  /** As it stands now. */
  get hold(): Hold {
    return this.#hold;
  }

  /** False where nothing costs anything, whatever budget is set. */
  get isWatched(): boolean {
    const { inputNano, cachedInputNano, outputNano, reasoningNano } = this.price;
    return this.#hold.limited || (inputNano | cachedInputNano | outputNano | reasoningNano) !== 0n;
  }

  /** Tokens of the prompt: as a tokeniser counted them, else an estimate, which is below what is held for it. */
  get askedTokens(): bigint {
    // Every record of output may ask, and the messages have to be parsed for it.
    return (this.#askedTokens ??= this.#isCounted || this.call.tensors ? this.#inputTokensBound : estimateTokens(askedBytes(this.call)));
  }

  /** What was produced until now. */
  usage(): ChatEvent {
    return this.meter.usage(() => this.askedTokens, this.#isCounted);
  }

  /** What of these events is covered; more is set aside when that is about to end. */
  cover(events: Events): Covered | Promise<Covered> {
    const seen = this.meter.with(events);
    const report = reportOf(events);
    // An estimate is what a whole answer costs, and says nothing of one that was broken off.
    if (report && (!report.estimated || this.#finishes(events))) this.#output.note(report, { tokens: seen, hasReasoning: this.meter.hasReasoning });
    const isNear = seen + MARGIN_TOKENS > this.#covered && this.#covered < this.#most && !this.#isExhausted && !this.#finishes(events);
    return seen > this.#covered || isNear || this.#exceeds(events) ? this.#coverMore(events, seen) : this.#take(events);
  }

  async #coverMore(events: Events, seen: number): Promise<Covered> {
    if (seen > this.#covered || !this.#exceeds(events)) await this.#extend(seen);
    if (seen > this.#covered) return this.#cut(events);
    const usage = this.#exceeds(events);
    if (usage) await this.#coverReport(usage, seen);
    return this.#take(events);
  }

  /** A report is believed up to what was asked for and what was seen; what is above that, the ledger shows as overrun. */
  async #coverReport(usage: TokenCounts, seen: number): Promise<void> {
    const inputTokens = least(usage.inputTokens, this.#inputTokensBound);
    const outputTokens = Math.min(Number(usage.outputTokens), Math.max(this.#most, seen));
    await this.#ask({ outputTokens: Math.max(this.#covered, outputTokens), counts: { ...usage, inputTokens, outputTokens: BigInt(outputTokens) } });
  }

  async #extend(seen: number): Promise<void> {
    const next = Math.max(this.#covered + STEP_TOKENS * this.call.choices, seen + MARGIN_TOKENS);
    // Behind the most that was asked for, an upstream that goes on is followed in the same steps.
    const wanted = seen > this.#most ? next : Math.min(next, this.#most);
    const { inputTokens } = this.meter;
    if (!(await this.#ask({ outputTokens: wanted, inputTokens }))) return;
    if (inputTokens !== undefined) this.#inputCovered = least(this.#inputCovered, inputTokens);
    this.#covered = this.#hold.limited ? Number(this.#hold.outputTokens) : wanted;
    this.#isExhausted = this.#covered < wanted;
  }

  /** False where billing is away and, as far as is known, nothing limits the call: then it goes on, and is billed from the log. */
  async #ask(extension: Parameters<SpendTalk['extend']>[0]): Promise<boolean> {
    try {
      this.#hold = await this.#talk.extend(extension);
      return true;
    } catch (thrown) {
      if (this.#hold.limited) throw thrown;
      this.#covered = Infinity;
      return false;
    }
  }

  #take(events: Events): Covered {
    this.meter.add(events);
    return { events: this.#isClipped ? events.map(withClip) : events, isOver: false };
  }

  /** What fits leaves, and every choice that still runs ends here. What comes in such pieces cannot be stopped on the way either. */
  #cut(events: Events): Covered {
    if (events.some((event) => isLargerThan(STEP_TOKENS, event))) this.#output.note({ outputTokens: BigInt(this.meter.with(events)), reasoningTokens: 0n }, NOTHING_SEEN);
    const fitting: ChatEvent[] = [];
    for (const counted of countedTogether(events)) {
      if (this.meter.with(counted) > this.#covered) break;
      this.meter.add(counted);
      fitting.push(...counted);
    }
    for (let choice = 0; choice < this.call.choices; choice++) if (!this.meter.isFinished(choice)) fitting.push(stopped(choice));
    fitting.push(this.usage());
    return { events: fitting, isOver: true };
  }

  #finishes(events: Events): boolean {
    let finished = this.meter.finishedChoices;
    for (const { event } of events) if (event.case === 'finished' && !this.meter.isFinished(event.value.choice)) finished++;
    return finished >= this.call.choices;
  }

  /** The last report of a backend that goes beyond what is held: also of a call that nothing limited when it was asked last, because a budget may do so by now. */
  #exceeds(events: Events): Usage | undefined {
    const report = reportOf(events);
    if (!report || this.#covered === Infinity) return undefined;
    return Number(report.outputTokens) > this.#covered || report.inputTokens > this.#inputCovered ? report : undefined;
  }
}

function reportOf(events: Events): Usage | undefined {
  const last = events.findLast(({ event }) => event.case === 'usage')?.event;
  return last?.case === 'usage' ? last.value : undefined;
}

function least(left: bigint, right: bigint): bigint {
  return left < right ? left : right;
}
