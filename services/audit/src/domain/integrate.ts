import { costNano, overrunNano } from '@sluice/pricing';
import { toMinuteMs, type LogEntry } from '@sluice/transparency';
import { NO_COUNTS, NO_HOLD, NO_PRICES, type End, type EpochEnds, type Fact, type Item, type OpenCall, type Place } from './call.ts';
import { EndedCalls, epochKey } from './ended-calls.ts';
import { abandonedFields, commitmentsOf, SALT_SEED_BYTES, saltedHash } from './own-leaf.ts';

/** What is known of the calls that a batch touches, from before the batch. */
export interface Known {
  /** Calls without an end: those that the batch names, and all of the epochs that it closes. */
  readonly open: readonly OpenCall[];
  /** Ids that the batch names and that have their end already. */
  readonly ended: ReadonlySet<string>;
  /** Of the epochs that the batch closes. */
  readonly ends: readonly EpochEnds[];
}

export interface IntegrationContext {
  readonly nowMs: number;
  readonly randomBytes: (length: number) => Uint8Array;
}

/** An end, and which of the batch's leaves states it. */
export interface EndedCall extends End {
  readonly leaf: number;
}

/** A call that was admitted or refused in this batch, as it stands after it. */
export interface NewCall {
  readonly call: OpenCall;
  readonly stream: boolean;
  readonly admittedAtMs: bigint;
  readonly end: EndedCall | undefined;
  readonly seqs: readonly bigint[];
  /** Set when it was abandoned. */
  readonly saltSeed: Uint8Array | undefined;
}

/** A call from an earlier batch that this one brought on. */
export interface ChangedCall {
  readonly call: OpenCall;
  readonly end: EndedCall | undefined;
  readonly saltSeed: Uint8Array | undefined;
}

/** Segments of one epoch that hold records of a call. */
export interface CallPart {
  readonly callId: string;
  readonly producer: string;
  readonly epoch: bigint;
  readonly seqs: readonly bigint[];
}

/** All that a batch does; nothing of it is done yet. */
export interface Plan {
  readonly leaves: readonly LogEntry[];
  readonly newCalls: readonly NewCall[];
  readonly changedCalls: readonly ChangedCall[];
  /** Where records of calls lie that are not among the new ones. */
  readonly parts: readonly CallPart[];
  readonly abandoned: readonly OpenCall[];
  /** Ends that this batch adds to epochs that stay open. */
  readonly ends: readonly EpochEnds[];
  readonly closed: readonly Place[];
  /** By index of the item: the salt under which a late or unreadable segment is committed to. */
  readonly salts: ReadonlyMap<number, Uint8Array>;
  /** Records that no honest producer writes: a second end, an end or output without admission, a foreign call. They change nothing. */
  readonly strays: number;
}

const CALL_ID = /^[0-9a-f]{32}$/;

/** Decides what a batch means. One leaf for each end of a call, one for each close of an epoch, one for each segment that does not count. */
export function integrate(items: readonly Item[], known: Known, context: IntegrationContext): Plan {
  const integration = new Integration(known, context);
  items.forEach((item, index) => integration.take(item, index));
  return integration.plan();
}

/** A call on its way through the batch. */
interface Working {
  call: OpenCall;
  end: EndedCall | undefined;
  saltSeed: Uint8Array | undefined;
  touched: boolean;
  /** Undefined for a call from an earlier batch. */
  readonly admission: { readonly stream: boolean; readonly admittedAtMs: bigint } | undefined;
}

class Integration {
  readonly #context: IntegrationContext;
  readonly #ended: ReadonlySet<string>;
  readonly #working = new Map<string, Working>();
  readonly #parts = new Map<string, CallPart & { readonly seqs: bigint[] }>();
  readonly #leaves: LogEntry[] = [];
  readonly #abandoned: OpenCall[] = [];
  readonly #ends: EndedCalls;
  readonly #closed: Place[] = [];
  readonly #salts = new Map<number, Uint8Array>();
  #strays = 0;

  constructor(known: Known, context: IntegrationContext) {
    this.#context = context;
    this.#ended = known.ended;
    for (const call of known.open) this.#working.set(call.callId, { call, end: undefined, saltSeed: undefined, touched: false, admission: undefined });
    this.#ends = new EndedCalls(known.ends);
  }

  take(item: Item, index: number): void {
    switch (item.kind) {
      case 'segment':
        for (const fact of item.facts) if (!this.#takeFact(fact, item.place)) this.#strays++;
        return;
      case 'late':
      case 'unreadable': {
        const salt = this.#context.randomBytes(SALT_SEED_BYTES);
        this.#salts.set(index, salt);
        const commitments = [{ name: 'segment', hash: saltedHash(salt, item.bytes) }];
        this.#leaves.push({ type: item.kind === 'late' ? 'segment.late' : 'segment.unreadable', ...item.place, minuteMs: toMinuteMs(this.#context.nowMs), commitments });
        return;
      }
      case 'closed':
        for (const working of this.#working.values()) if (!working.end && isOf(working.call, item.place)) this.#abandon(working);
        this.#close(item.place, item.preceding);
    }
  }

  plan(): Plan {
    const newCalls: NewCall[] = [];
    const changedCalls: ChangedCall[] = [];
    for (const { call, end, saltSeed, touched, admission } of this.#working.values()) {
      if (admission) {
        const key = partKey(call.callId, call);
        newCalls.push({ call, ...admission, end, saltSeed, seqs: this.#parts.get(key)!.seqs });
        this.#parts.delete(key);
      } else if (touched) {
        changedCalls.push({ call, end, saltSeed });
      }
    }
    return { leaves: this.#leaves, newCalls, changedCalls, parts: [...this.#parts.values()], abandoned: this.#abandoned, ends: this.#ends.open(), closed: this.#closed, salts: this.#salts, strays: this.#strays };
  }

  /** False for a stray. */
  #takeFact(fact: Fact, place: Place): boolean {
    if (!CALL_ID.test(fact.callId) || this.#ended.has(fact.callId)) return false;
    const working = this.#working.get(fact.callId);
    if (working && (working.end || !isOf(working.call, place))) return false;
    switch (fact.kind) {
      case 'admitted':
      case 'refused': {
        if (working) return false;
        const admission = fact.kind === 'admitted' ? { stream: fact.stream, admittedAtMs: fact.admittedAtMs } : { stream: false, admittedAtMs: fact.end.endedAtMs };
        const call: OpenCall = {
          admittedAtMs: admission.admittedAtMs, prices: fact.kind === 'admitted' ? fact.prices : NO_PRICES, hold: fact.kind === 'admitted' ? fact.hold : NO_HOLD, callId: fact.callId, producer: place.producer, epoch: place.epoch, lastSeq: place.seq, ...fact.caller,
          counts: NO_COUNTS, outputBytes: 0n, outputChain: fact.kind === 'admitted' ? fact.outputChain : new Uint8Array(),
        };
        const made: Working = { call, end: undefined, saltSeed: undefined, touched: true, admission };
        this.#working.set(fact.callId, made);
        if (fact.kind === 'refused') made.end = this.#end('call.refused', fact, place);
        break;
      }
      case 'output':
        if (!working) return false;
        working.call = { ...working.call, counts: fact.counts, outputBytes: fact.outputBytes, outputChain: fact.outputChain, hold: fact.hold ?? working.call.hold, lastSeq: place.seq };
        working.touched = true;
        break;
      case 'completed':
        if (!working) return false;
        working.end = this.#end('call.completed', fact, place);
        working.touched = true;
        break;
      case 'fragment':
        break;
      case 'unknown':
        return false;
    }
    this.#locate(fact.callId, place);
    return true;
  }

  #end(type: 'call.completed' | 'call.refused', { end, commitments }: Fact & { kind: 'completed' | 'refused' }, place: Place): EndedCall {
    const { producer, epoch, seq } = place;
    this.#leaves.push({ type, producer, epoch, seq, minuteMs: toMinuteMs(Number(end.endedAtMs)), commitments });
    this.#ends.add(place);
    return { ...end, leaf: this.#leaves.length - 1 };
  }

  #abandon(working: Working): void {
    const { call } = working;
    const { nowMs, randomBytes } = this.#context;
    const saltSeed = Buffer.from(randomBytes(SALT_SEED_BYTES));
    const commitments = commitmentsOf(abandonedFields(call), saltSeed);
    this.#leaves.push({ type: 'call.abandoned', producer: call.producer, epoch: call.epoch, seq: call.lastSeq, minuteMs: toMinuteMs(nowMs), commitments });
    this.#ends.add(call);
    this.#abandoned.push(call);
    working.saltSeed = saltSeed;
    working.touched = true;
    const cost = costNano(call.prices, call.counts);
    working.end = {
      status: 'abandoned', errorCode: '', httpStatus: 0, endedAtMs: BigInt(Math.trunc(nowMs)), counts: call.counts, outputBytes: call.outputBytes,
      versionId: '', deploymentId: '', durationMs: 0, firstOutputMs: 0, costNano: cost, overrunNano: overrunNano(cost, call.hold), cutBy: '', leaf: this.#leaves.length - 1,
    };
  }

  /** States in the open how much there was of the epoch, so that it shows when something is left out. */
  #close(place: Place, preceding = place.epoch - 1n): void {
    const after = preceding === place.epoch - 1n ? {} : { after: preceding };
    this.#leaves.push({ type: 'epoch.closed', ...place, minuteMs: toMinuteMs(this.#context.nowMs), commitments: [], ends: this.#ends.close(place), ...after });
    this.#closed.push(place);
  }

  /** Fragments come before the record that says whose the call is, so places are kept by producer too. */
  #locate(callId: string, place: Place): void {
    const key = partKey(callId, place);
    const part = this.#parts.get(key);
    if (!part) this.#parts.set(key, { callId, producer: place.producer, epoch: place.epoch, seqs: [place.seq] });
    else if (part.seqs.at(-1) !== place.seq) part.seqs.push(place.seq);
  }
}

function partKey(callId: string, place: Pick<Place, 'producer' | 'epoch'>): string {
  return `${callId} ${epochKey(place)}`;
}

function isOf(call: OpenCall, { producer, epoch }: { readonly producer: string; readonly epoch: bigint }): boolean {
  return call.producer === producer && call.epoch === epoch;
}
