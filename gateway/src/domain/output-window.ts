import { ServiceError } from '@sluice/errors';
import type { PendingRecord, RecordSource } from '@sluice/segment';
import type { Events } from './call.ts';
import type { CallEnd, CallRecords } from './call-records.ts';
import type { Segments, Sink } from './ports.ts';

/** Output of one stream that is not durable yet; above it reading from the model stops. */
export const PENDING_LIMIT_BYTES = 64 * 1024;

const NOTHING: Events = [];

/**
 * An open call, as the segment writer sees it, and the promise that no byte leaves without a record.
 *
 * Events wait here until the writer takes them for a segment; they reach the sink when that segment is acknowledged,
 * in the order in which they came, and never otherwise. What is lost or no longer wanted never reaches it.
 */
export class OutputWindow implements RecordSource {
  readonly projectId: string;
  readonly #records: CallRecords;
  readonly #segments: Segments;
  readonly #sink: Sink;
  readonly #onLost: (error: ServiceError) => void;
  #pending: Events[] = [];
  #taken: Events[] = [];
  /** What the model gave, on its way to the log and nowhere else. */
  #originals: Events[] = [];
  #pendingBytes = 0;
  #takenBytes = 0;
  #queued = false;
  #clientGone = false;
  #releasedOutput = false;
  #hasOutput = false;
  #durableRecords = 0;
  #lost: ServiceError | undefined;
  #change: PromiseWithResolvers<void> | undefined;

  constructor(records: CallRecords, segments: Segments, sink: Sink, onLost: (error: ServiceError) => void) {
    this.projectId = records.projectId;
    this.#records = records;
    this.#segments = segments;
    this.#sink = sink;
    this.#onLost = onLost;
  }

  /** True once output has gone to the client. */
  get releasedOutput(): boolean {
    return this.#releasedOutput;
  }

  /** True when output has gone to the client or is about to: its status line says 200 whatever comes behind. */
  get hasOutput(): boolean {
    return this.#hasOutput;
  }

  /** True when the admission is durable. */
  get isAdmitted(): boolean {
    return this.#durableRecords > 0;
  }

  /** Puts the admission on record now, and not with the first output. */
  admit(): void {
    this.#enqueue();
  }

  /** Resolves when the admission is durable; throws when it is lost. */
  async admitted(): Promise<void> {
    this.#enqueue();
    while (!this.isAdmitted) await this.#nextChange();
  }

  /** Takes output that may wait for the end of the call. */
  hold(events: Events): void {
    if (this.#lost) return;
    if (this.#clientGone) return this.learn(events);
    this.#pending.push(events);
    this.#pendingBytes += bytesOf(events);
    this.#hasOutput ||= events.some(isOutput);
  }

  /** Takes what the model gave, before rules changed it. It is on record no later than what is taken behind it. */
  keepOriginal(given: Events): void {
    if (this.#lost || this.#clientGone) return;
    this.#originals.push(given);
    this.#pendingBytes += bytesOf(given);
  }

  /** Takes output that is to leave, or an attempt that is to be known, as soon as it is durable. That a backend accepted the call, and what it counts, can wait. */
  push(events: Events): void {
    this.hold(events);
    if (events.some(({ event }) => event.case !== 'started' && event.case !== 'counts')) this.#enqueue();
  }

  /** Resolves when everything that was taken is durable; throws when it is lost. */
  async durable(): Promise<void> {
    while (this.#pending.length > 0 || this.#durableRecords < this.#records.taken) await this.#nextChange();
    if (this.#lost) throw this.#lost;
  }

  /** Takes what the backend said of the call from output that nobody will get. */
  learn(events: Events): void {
    this.#records.tally.learn(events);
  }

  /** Resolves when there is room for more output; undefined when there already is. */
  room(): Promise<void> | undefined {
    return this.#isFull() || this.#sink.drained() ? this.#waitForRoom() : undefined;
  }

  /**
   * The client left: what has not been taken for a segment will never be released, so it is not recorded as output, and
   * an end that is not taken yet becomes that of a client that left. What the backend said of the call stays known, and
   * who was asked on record. What it would have been made of is not recorded either.
   */
  clientLeft(): void {
    this.#clientGone = true;
    for (const events of this.#pending) this.learn(events);
    this.#records.clientLeft(this.#releasedOutput);
    this.#pending = this.#pending.map((events) => events.filter(isAttempt)).filter((events) => events.length > 0);
    this.#originals = [];
    this.#pendingBytes = this.#pending.reduce((bytes, events) => bytes + bytesOf(events), 0);
    this.#changed();
  }

  /**
   * Writes the end of the call; resolves when all its records are durable and all its output is released. Gives the end
   * that is on record: another one when the client left before this one was taken.
   */
  async end(end: CallEnd): Promise<CallEnd> {
    this.#records.end(end);
    this.#enqueue();
    while (!this.#records.ended || this.#durableRecords < this.#records.taken) await this.#nextChange();
    return this.#records.recordedEnd ?? end;
  }

  take(): readonly PendingRecord[] {
    this.#queued = false;
    if (this.#lost) return [];
    const events = this.#pending.length === 1 ? this.#pending[0]! : this.#pending.flat();
    const records = this.#records.take(events, this.#takeOriginals());
    if (events.length > 0) this.#taken.push(events);
    this.#takenBytes += this.#pendingBytes;
    this.#pending = [];
    this.#pendingBytes = 0;
    return records;
  }

  #takeOriginals(): Events {
    if (this.#originals.length === 0) return NOTHING;
    return this.#originals.splice(0).flat();
  }

  /** Releases what is durable now. A sink that fails ends the call: what the client got of it is not known any more. */
  acknowledged(): void {
    if (this.#lost) return;
    const durable = this.#taken;
    this.#taken = [];
    this.#takenBytes = 0;
    try {
      if (!this.#clientGone) for (const events of durable) this.#release(events);
    } catch (thrown) {
      return this.lost(ServiceError.from(thrown));
    }
    this.#durableRecords = this.#records.taken;
    this.#changed();
  }

  lost(error: ServiceError): void {
    if (this.#lost) return;
    this.#lost = error;
    this.#pending = [];
    this.#originals = [];
    this.#taken = [];
    this.#pendingBytes = 0;
    this.#takenBytes = 0;
    this.#changed();
    this.#onLost(error);
  }

  #release(events: Events): void {
    this.#releasedOutput ||= events.some(isOutput);
    this.#sink.release(events);
  }

  #enqueue(): void {
    if (this.#queued || this.#lost) return;
    this.#queued = true;
    this.#segments.enqueue(this);
  }

  #isFull(): boolean {
    return this.#pendingBytes + this.#takenBytes >= PENDING_LIMIT_BYTES;
  }

  async #waitForRoom(): Promise<void> {
    while (this.#isFull() && !this.#clientGone) {
      this.#enqueue();
      await this.#nextChange();
    }
    if (!this.#clientGone) await this.#sink.drained();
  }

  #nextChange(): Promise<void> {
    if (this.#lost) return Promise.reject(this.#lost);
    this.#change ??= Promise.withResolvers<void>();
    return this.#change.promise;
  }

  #changed(): void {
    this.#change?.resolve();
    this.#change = undefined;
  }
}

/** Whether an event leaves for the client as soon as it may. */
export function isOutput({ event }: Events[number]): boolean {
  return event.case === 'delta' || event.case === 'finished' || event.case === 'tensors';
}

function isAttempt({ event }: Events[number]): boolean {
  return event.case === 'attempt';
}

/** Whether a deployment outside of the house is about to get the prompt: first that is to be on record. */
export function isLeaving({ event }: Events[number]): boolean {
  return event.case === 'attempt' && event.value.external && event.value.errorCode === '';
}

/** Roughly what events occupy. */
export function bytesOf(events: Events): number {
  let bytes = 0;
  for (const event of events) bytes += weightOf(event);
  return bytes;
}

/** Roughly what an event occupies. V8 holds text in two bytes a UTF-16 unit, in one when all of it is Latin-1; which, it does not tell. */
function weightOf({ event }: Events[number]): number {
  if (event.case === 'tensors') return 16 + event.value.response.length;
  if (event.case !== 'delta') return 16;
  const { text, logprobsJson, extraJson } = event.value;
  return 16 + 2 * text.length + logprobsJson.length + extraJson.length;
}
