import { ServiceError } from '@sluice/errors';
import { costNano as costOf, type TokenCounts } from '@sluice/pricing';
import { Account, type Standing, type Subject } from './account.ts';
import { settlementOf, type Epoch, type Hold, type HoldRequest, type RecordedEnd, type RecordedHold, type Refusal, type Settlement } from './hold.ts';
import { least, most, type Price } from './money.ts';
import { affordableOutput, amountFor, quote, worstCase, type WorstCase } from './quote.ts';

interface OpenHold extends Hold {
  amountNano: bigint;
  limited: boolean;
  outputTokens: bigint;
  settlement: Settlement | undefined;
  worst: WorstCase;
  /** What it was quoted for, as long as it may be quoted anew: not once anything was built upon it. */
  inputTokensBound: bigint | undefined;
  readonly accounts: readonly Account[];
  /** This book gave it; else it was read from the log, which then says how large it is. */
  readonly isGranted: boolean;
}

/**
 * All money that is set aside and spent, in memory and exact, with one writer: every step happens at once and at all
 * levels, or not at all. After each step `spent + settling + held` of every capped account is at most its cap, or what it
 * was when the cap was set below it.
 */
export class BudgetBook {
  readonly #accounts = new Map<string, Account>();
  readonly #holds = new Map<string, OpenHold>();
  readonly #closedEpochs = new Map<string, bigint>();

  /**
   * Sets money aside, or says which level has not enough. The same call again gets the same hold; with another input bound,
   * as long as nothing else was asked for it, what it held goes back and it is quoted anew. Errors: `epoch_lost`.
   */
  hold(request: HoldRequest): Hold | Refusal {
    const { callId, subjects, price, day, producer, epoch } = request;
    const known = this.#holds.get(callId);
    if (known && (known.inputTokensBound ?? request.inputTokensBound) === request.inputTokensBound) return known;
    if (epoch <= (this.#closedEpochs.get(producer) ?? -1n)) throw new ServiceError('epoch_lost', 'The epoch in which this call would be recorded is closed.');
    // In the same step, so that nobody else takes it in between.
    if (known) this.release(callId);
    const accounts = subjects.map((subject) => this.account(subject));
    const tightest = tightestOf(accounts, day);
    const worst = worstCase(price, request.inputTokensBound);
    const quoted = quote(worst, request, tightest?.roomNano);
    if (!quoted) {
      const isTight = quote(worstCase(price, leastInput(request)), request, tightest!.roomNano) !== undefined;
      const fitsWithoutHolds = accounts.every((account) => quote(worst, request, account.roomWithoutHolds(day)) !== undefined);
      return { ...refusalAt(tightest!.account, day), isTight, fitsWithoutHolds };
    }
    const limited = tightest !== undefined && costsAnything(worst, price);
    const hold: OpenHold = { callId, price, day, producer, epoch, ...quoted, limited, settlement: undefined, worst, inputTokensBound: request.inputTokensBound, accounts, isGranted: true };
    this.#add(hold);
    return hold;
  }

  /**
   * Lets a hold cover so much output, and the cost of what an upstream reported, as far as the budgets go; never less than
   * before. What was held for input that the upstream has counted as less covers output. A call that began without a budget
   * is limited from here on as soon as there is one. Where not even the least that is of use is affordable, the hold stays as it is.
   */
  extend(callId: string, outputTokens: bigint, counts?: TokenCounts, inputTokens?: bigint, leastOutputTokens = 0n): Hold {
    const hold = this.#known(callId);
    if (hold.settlement) return hold;
    hold.inputTokensBound = undefined;
    if (inputTokens !== undefined) hold.worst = { ...hold.worst, inputNano: least(hold.worst.inputNano, worstCase(hold.price, inputTokens).inputNano) };
    const tightest = tightestOf(hold.accounts, hold.day);
    hold.limited = tightest !== undefined && costsAnything(hold.worst, hold.price);
    const reachNano = tightest && hold.amountNano + most(tightest.roomNano, 0n);
    const affordable = (reachNano === undefined ? undefined : affordableOutput(hold.worst, reachNano)) ?? outputTokens;
    if (affordable < leastOutputTokens) return hold;
    hold.outputTokens = most(hold.outputTokens, least(outputTokens, affordable));
    const wantedNano = most(amountFor(hold.worst, hold.outputTokens), counts ? costOf(hold.price, counts) : 0n);
    const amountNano = most(hold.amountNano, reachNano === undefined ? wantedNano : least(wantedNano, reachNano));
    changeAll(hold.accounts, hold.day, { ...NOTHING, heldNano: amountNano - hold.amountNano });
    hold.amountNano = amountNano;
    return hold;
  }

  /** Turns a hold into what the call cost; once: later calls get the first answer. */
  settle(callId: string, counts: TokenCounts): Settlement {
    const hold = this.#known(callId);
    if (hold.settlement) return hold.settlement;
    hold.inputTokensBound = undefined;
    const { spentNano, ...settlement } = settlementOf(hold, costOf(hold.price, counts));
    changeAll(hold.accounts, hold.day, { ...NOTHING, settlingNano: spentNano, heldNano: -hold.amountNano });
    return (hold.settlement = settlement);
  }

  /** A call is in the log. A hold that this book did not give is taken over as it stands there: it was given before a restart. */
  adopt(recorded: RecordedHold): void {
    const { callId, subjects, amountNano } = recorded;
    const known = this.#holds.get(callId);
    if (!known) {
      const worst = recordedWorst(recorded);
      const accounts = subjects.map((subject) => this.account(subject));
      this.#add({ ...recorded, affordableOutputTokens: 0n, isTight: false, settlement: undefined, worst, inputTokensBound: undefined, accounts, isGranted: false });
      return;
    }
    known.inputTokensBound = undefined;
    if (!known.isGranted && !known.settlement) {
      changeAll(known.accounts, known.day, { ...NOTHING, heldNano: amountNano - known.amountNano });
      Object.assign(known, { amountNano, limited: recorded.limited, outputTokens: recorded.outputTokens });
    }
  }

  /** The end of a call is on the record: what it spent counts, and its hold is over. To be told once for each call. */
  end({ callId, subjects, day, spentNano }: RecordedEnd): void {
    this.release(callId);
    changeAll(subjects.map((subject) => this.account(subject)), day, { ...NOTHING, spentNano });
  }

  /** Returns all that a call set aside; nothing when it has no hold. */
  release(callId: string): void {
    const hold = this.#holds.get(callId);
    if (!hold) return;
    this.#holds.delete(callId);
    if (hold.settlement) changeAll(hold.accounts, hold.day, { ...NOTHING, settlingNano: hold.settlement.overrunNano - hold.settlement.costNano });
    else changeAll(hold.accounts, hold.day, { ...NOTHING, heldNano: -hold.amountNano });
  }

  /**
   * An epoch is closed in the log and all that lies in front of the close has been taken in: a hold that names it, or one
   * before it, belongs to a call that never came into the log, and is returned. Nothing is held in that epoch any more.
   */
  closeEpoch({ producer, epoch }: Epoch): void {
    this.#closedEpochs.set(producer, most(epoch, this.#closedEpochs.get(producer) ?? -1n));
    for (const hold of this.#holds.values()) if (hold.producer === producer && hold.epoch <= epoch) this.release(hold.callId);
  }

  /** Forgets everything: what is in the tables is about to be told anew. */
  clear(): void {
    this.#accounts.clear();
    this.#holds.clear();
    this.#closedEpochs.clear();
  }

  /** Made at first sight: no caller is without an account. */
  account(subject: Subject): Account {
    const key = `${subject.level} ${subject.id}`;
    let account = this.#accounts.get(key);
    if (!account) this.#accounts.set(key, (account = new Account(subject)));
    return account;
  }

  holdOf(callId: string): Hold | undefined {
    return this.#holds.get(callId);
  }

  get holds(): number {
    return this.#holds.size;
  }

  #add(hold: OpenHold): void {
    this.#holds.set(hold.callId, hold);
    changeAll(hold.accounts, hold.day, { ...NOTHING, heldNano: hold.amountNano });
  }

  #known(callId: string): OpenHold {
    const hold = this.#holds.get(callId);
    if (!hold) throw new ServiceError('failed_precondition', 'There is no hold for this call any more: its end is on the record.');
    return hold;
  }
}

/** No vocabulary has a token for so many bytes: a prompt whose bound is far above the room is not worth to be counted. */
const BYTES_A_TOKEN_LIMIT = 1_024n;

const NOTHING: Standing = { spentNano: 0n, settlingNano: 0n, heldNano: 0n };

/** The input that a recorded hold covers is what it holds beside its output. */
function recordedWorst({ price, amountNano, outputTokens }: RecordedHold): WorstCase {
  const { nanoPerOutputToken } = worstCase(price, 0n);
  return { nanoPerOutputToken, inputNano: most(amountNano - outputTokens * nanoPerOutputToken, 0n) };
}

function leastInput({ inputTokensBound }: HoldRequest): bigint {
  return most(inputTokensBound / BYTES_A_TOKEN_LIMIT, 1n);
}

function refusalAt(account: Account, day: number): Omit<Refusal, 'isTight' | 'fitsWithoutHolds'> {
  const cap = account.tightest(day)!;
  return { subject: account.subject, cap, ...account.standing(day, cap) };
}

function changeAll(accounts: readonly Account[], day: number, change: Standing): void {
  for (const account of accounts) account.change(day, change);
}

function tightestOf(accounts: readonly Account[], day: number): { readonly account: Account; readonly roomNano: bigint } | undefined {
  let tightest: { account: Account; roomNano: bigint } | undefined;
  for (const account of accounts) {
    const roomNano = account.room(day);
    if (roomNano !== undefined && (!tightest || roomNano < tightest.roomNano)) tightest = { account, roomNano };
  }
  return tightest;
}

/** A call at no price needs no cover, whatever the budget. */
function costsAnything({ nanoPerOutputToken }: WorstCase, { inputNano, cachedInputNano }: Price): boolean {
  return nanoPerOutputToken > 0n || inputNano > 0n || cachedInputNano > 0n;
}
