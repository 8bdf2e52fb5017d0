import { expect } from '@jest/globals';
import fc from 'fast-check';
import { ServiceError } from '@sluice/errors';
import type { EventLog, SegmentEntry } from './event-log.ts';

type Kind = 'append' | 'retry' | 'take' | 'close';
interface Step {
  readonly process: 0 | 1;
  readonly kind: Kind;
  /** At the same time as the next step, if that is the other process's. */
  readonly together: boolean;
}

const STEPS = fc.array(fc.record<Step>({
  process: fc.constantFrom(0, 1),
  kind: fc.constantFrom<Kind>('append', 'append', 'append', 'retry', 'take', 'close'),
  together: fc.boolean(),
}), { minLength: 1, maxLength: 25 });
const RUNS = 25;

/**
 * Two processes that believe to be the same producer append, repeat, take and close as they like. What was acknowledged
 * before its epoch's close is handed over, in order, and the close behind it, once; what was appended after it is refused,
 * or handed over as late. Where the log refuses, acknowledged means handed over.
 */
export async function checkFencing(name: string, logs: readonly [EventLog, EventLog], refusesLate: boolean): Promise<void> {
  let trials = 0;
  const delivered: SegmentEntry[] = [];
  const subscription = logs[0].subscribeSegments(`shop.${name}`, async (_transaction, entries) => void delivered.push(...entries));
  try {
    await fc.assert(fc.asyncProperty(STEPS, async (steps) => {
      const trial = new Trial(`${name}.${trials++}`, logs);
      for (let at = 0; at < steps.length; at++) {
        const [step, next] = [steps[at]!, steps[at + 1]];
        if (step.together && next && next.process !== step.process) {
          at++;
          await Promise.all([trial.perform(step), trial.perform(next)]);
        } else {
          await trial.perform(step);
        }
      }
      await subscription.caughtUp();
      trial.check(delivered, refusesLate);
    }), { numRuns: RUNS });
  } finally {
    await subscription.stop();
  }
}

/** What a process believes: its epoch, its next place, the last content that was acknowledged. */
interface ProcessState {
  epoch: bigint;
  seq: bigint;
  last: string;
}

/** When something was begun and when it was done, in turns of the trial. */
interface Span {
  readonly begun: number;
  readonly done: number;
}

interface Attempt extends Span {
  readonly epoch: bigint;
  readonly seq: bigint;
  readonly content: string;
  readonly code: string;
}

class Trial {
  readonly #producer: string;
  readonly #logs: readonly [EventLog, EventLog];
  readonly #processes: readonly [ProcessState, ProcessState] = [{ epoch: 0n, seq: 0n, last: '' }, { epoch: 0n, seq: 0n, last: '' }];
  readonly #attempts: Attempt[] = [];
  readonly #takes: (Span & { readonly epoch: bigint })[] = [];
  readonly #closes: (Span & { readonly epoch: bigint })[] = [];
  #turn = 0;

  constructor(producer: string, logs: readonly [EventLog, EventLog]) {
    this.#producer = producer;
    this.#logs = logs;
  }

  async perform({ process, kind }: Step): Promise<void> {
    const [self, log] = [this.#processes[process], this.#logs[process]];
    const begun = this.#turn++;
    if (kind === 'take') {
      self.epoch = await log.takeEpoch(this.#producer);
      self.seq = 0n;
      this.#takes.push({ epoch: self.epoch, begun, done: this.#turn++ });
    } else if (kind === 'close') {
      const { epoch } = self;
      await log.closeEpoch(this.#producer, epoch);
      this.#closes.push({ epoch, begun, done: this.#turn++ });
    } else {
      await this.#append(process, kind === 'retry' && self.seq > 0n, begun);
    }
  }

  async #append(process: 0 | 1, again: boolean, begun: number): Promise<void> {
    const self = this.#processes[process];
    const { epoch } = self;
    const seq = again ? self.seq - 1n : self.seq;
    const content = again ? self.last : `from ${process}`;
    const code = await this.#logs[process].appendSegment({ producer: this.#producer, epoch, seq, bytes: Buffer.from(content) })
      .then(() => 'done', (thrown: unknown) => ServiceError.from(thrown).code);
    this.#attempts.push({ epoch, seq, content, code, begun, done: this.#turn++ });
    if (code !== 'done' || again) return;
    self.seq = seq + 1n;
    self.last = content;
  }

  check(all: readonly SegmentEntry[], refusesLate: boolean): void {
    const delivered = all.filter((entry) => (entry.kind === 'closed' ? entry.producer : entry.segment.producer) === this.#producer);
    expect(this.#attempts.filter(({ code }) => code !== 'done' && code !== 'epoch_lost')).toEqual([]);
    const named = new Set([...this.#attempts, ...this.#takes].map(({ epoch }) => epoch));
    for (const epoch of named) this.#checkEpoch(epoch, delivered, refusesLate);
  }

  #checkEpoch(epoch: bigint, all: readonly SegmentEntry[], refusesLate: boolean): void {
    const delivered = all.filter((entry) => (entry.kind === 'closed' ? entry.epoch : entry.segment.epoch) === epoch);
    const kinds = delivered.map(({ kind }) => kind);
    const contents = (kind: 'segment' | 'late') => delivered.flatMap((entry) => (entry.kind === kind ? [`${entry.segment.seq} ${Buffer.from(entry.segment.bytes).toString()}`] : []));
    const [segments, late] = [contents('segment'), contents('late')];
    const ends = this.#endsOf(epoch);
    const attempts = this.#attempts.filter((attempt) => attempt.epoch === epoch);
    const nameOf = ({ seq, content }: Attempt): string => `${seq} ${content}`;
    const acknowledged = attempts.filter(({ code }) => code === 'done');
    const wasTaken = this.#takes.some((take) => take.epoch === epoch);
    // In order, the close behind what counts, what is late behind the close.
    expect(kinds).toEqual([...segments.map(() => 'segment'), ...(wasTaken && ends.length > 0 ? ['closed'] : []), ...late.map(() => 'late')]);
    expect(segments.map((one) => one.split(' ')[0])).toEqual(segments.map((_, seq) => String(seq)));
    expect(new Set([...segments, ...late]).size).toBe(segments.length + late.length);
    // Nothing that nobody appended, and everything that was acknowledged: of an epoch that nobody took, whoever came first.
    const isHandedOver = (attempt: Attempt): boolean => [...segments, ...late].some((one) => (wasTaken ? one === nameOf(attempt) : one.startsWith(`${attempt.seq} `)));
    expect([...segments, ...late].filter((one) => !attempts.some((attempt) => nameOf(attempt) === one))).toEqual([]);
    expect(acknowledged.filter((attempt) => !isHandedOver(attempt))).toEqual([]);
    // In time or too late: only what was at the same time as an end may be either.
    expect(acknowledged.filter((attempt) => ends.every(({ begun }) => attempt.done < begun) && !segments.includes(nameOf(attempt)))).toEqual([]);
    const inTime = attempts.filter((attempt) => !ends.some(({ done }) => done < attempt.begun));
    expect(segments.filter((one) => !inTime.some((attempt) => nameOf(attempt) === one))).toEqual([]);
    if (refusesLate) expect([late, acknowledged.filter((attempt) => ends.some(({ done }) => done < attempt.begun))]).toEqual([[], []]);
  }

  /** What ends an epoch: its close, the taking of a later one; one that was never taken was over before it began. */
  #endsOf(epoch: bigint): Span[] {
    if (!this.#takes.some((take) => take.epoch === epoch)) return [{ begun: -1, done: -1 }];
    return [...this.#closes.filter((close) => close.epoch === epoch), ...this.#takes.filter((take) => take.epoch > epoch)];
  }
}
