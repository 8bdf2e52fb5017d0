import { expect } from '@jest/globals';
import fc from 'fast-check';
import { ServiceError } from '@sluice/errors';
import type { EventLog, SegmentEntry } from './event-log.ts';

/** `close`: of one's own epoch, as at the end of a process; `give up`: of the other's, as by who watches over silent ones. */
type Kind = 'append' | 'retry' | 'take' | 'close' | 'give up';
interface Step {
  readonly process: 0 | 1;
  readonly kind: Kind;
  /** At the same time as the next step, if that is the other process's. */
  readonly together: boolean;
}

const STEPS = fc.array(fc.record<Step>({
  process: fc.constantFrom(0, 1),
  kind: fc.constantFrom<Kind>('append', 'append', 'append', 'retry', 'take', 'close', 'give up'),
  together: fc.boolean(),
}), { minLength: 1, maxLength: 25 });
const RUNS = 25;

/**
 * Two processes that are called the same append, repeat, take and close as they like. What was acknowledged
 * before its epoch's close is handed over, in order, and the close behind it, once; what was appended after it is refused,
 * or handed over as late. What a process was told to be durable while nobody had given its epoch up is never late.
 */
export async function checkFencing(name: string, logs: readonly [EventLog, EventLog]): Promise<void> {
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
      trial.check(delivered);
    }), { numRuns: RUNS });
  } finally {
    await subscription.stop();
  }
}

/** A former process of the same name asked for an epoch before it was killed, and that comes to the log only now. */
export async function checkFormerProcess(name: string, log: EventLog, former: EventLog & { stop(): Promise<void> }): Promise<void> {
  const producer = log.producerName(name);
  const epoch = await log.takeEpoch(producer);
  const append = (seq: bigint): Promise<string> => log.appendSegment({ producer, epoch, seq, bytes: Buffer.from(String(seq)) }).then(() => 'done', (thrown: unknown) => ServiceError.from(thrown).code);
  expect(await append(0n)).toBe('done');
  await former.takeEpoch(former.producerName(name)).finally(() => former.stop());
  const isReleased = (await append(1n)) === 'done';
  const delivered: string[] = [];
  const subscription = log.subscribeSegments(`shop.${name}`, async (_transaction, entries) => {
    for (const entry of entries) {
      if (isSame({ producer, epoch }, entry.kind === 'closed' ? entry : entry.segment)) delivered.push(entry.kind === 'closed' ? 'closed' : `${entry.kind} ${entry.segment.seq}`);
    }
  });
  await subscription.caughtUp();
  await subscription.stop();
  expect(delivered).toEqual(['segment 0', isReleased ? 'segment 1' : 'closed']);
}

/** What a process believes: its name, its epoch, its next place, the last content that was acknowledged. */
interface ProcessState {
  readonly producer: string;
  epoch: bigint;
  seq: bigint;
  last: string;
}

type Named = Pick<ProcessState, 'producer' | 'epoch'>;

/** What happened to an epoch, when it was begun and when it was done, in turns of the trial. */
interface Span extends Named {
  readonly begun: number;
  readonly done: number;
}

interface Attempt extends Span {
  readonly seq: bigint;
  readonly content: string;
  readonly code: string;
}

class Trial {
  readonly #logs: readonly [EventLog, EventLog];
  readonly #processes: readonly [ProcessState, ProcessState];
  readonly #attempts: Attempt[] = [];
  readonly #takes: Span[] = [];
  readonly #closes: Span[] = [];
  #turn = 0;

  constructor(name: string, logs: readonly [EventLog, EventLog]) {
    this.#logs = logs;
    const begin = (log: EventLog): ProcessState => ({ producer: log.producerName(name), epoch: 0n, seq: 0n, last: '' });
    this.#processes = [begin(logs[0]), begin(logs[1])];
  }

  async perform({ process, kind }: Step): Promise<void> {
    const [self, log] = [this.#processes[process], this.#logs[process]];
    const begun = this.#turn++;
    if (kind === 'take') {
      self.epoch = await log.takeEpoch(self.producer);
      self.seq = 0n;
      this.#takes.push({ producer: self.producer, epoch: self.epoch, begun, done: this.#turn++ });
    } else if (kind === 'close' || kind === 'give up') {
      const { producer, epoch } = kind === 'close' ? self : this.#processes[process === 0 ? 1 : 0];
      await log.closeEpoch(producer, epoch);
      this.#closes.push({ producer, epoch, begun, done: this.#turn++ });
    } else {
      await this.#append(process, kind === 'retry' && self.seq > 0n, begun);
    }
  }

  async #append(process: 0 | 1, again: boolean, begun: number): Promise<void> {
    const self = this.#processes[process];
    const { producer, epoch } = self;
    const seq = again ? self.seq - 1n : self.seq;
    const content = again ? self.last : `from ${process}`;
    const code = await this.#logs[process].appendSegment({ producer, epoch, seq, bytes: Buffer.from(content) })
      .then(() => 'done', (thrown: unknown) => ServiceError.from(thrown).code);
    this.#attempts.push({ producer, epoch, seq, content, code, begun, done: this.#turn++ });
    if (code !== 'done' || again) return;
    self.seq = seq + 1n;
    self.last = content;
  }

  check(delivered: readonly SegmentEntry[]): void {
    expect(this.#attempts.filter(({ code }) => code !== 'done' && code !== 'epoch_lost')).toEqual([]);
    const named = new Map([...this.#attempts, ...this.#takes].map(({ producer, epoch }) => [`${epoch} ${producer}`, { producer, epoch }]));
    for (const epoch of named.values()) this.#checkEpoch(epoch, delivered.filter((entry) => isSame(epoch, entry.kind === 'closed' ? entry : entry.segment)));
  }

  #checkEpoch(epoch: Named, delivered: readonly SegmentEntry[]): void {
    const kinds = delivered.map(({ kind }) => kind);
    const contents = (kind: 'segment' | 'late') => delivered.flatMap((entry) => (entry.kind === kind ? [`${entry.segment.seq} ${Buffer.from(entry.segment.bytes).toString()}`] : []));
    const [segments, late] = [contents('segment'), contents('late')];
    const closes = this.#closes.filter((close) => isSame(close, epoch));
    const ends = this.#endsOf(epoch, closes);
    const attempts = this.#attempts.filter((attempt) => isSame(attempt, epoch));
    const nameOf = ({ seq, content }: Attempt): string => `${seq} ${content}`;
    const acknowledged = attempts.filter(({ code }) => code === 'done');
    const wasTaken = this.#takes.some((take) => isSame(take, epoch));
    // In order, the close behind what counts, what is late behind the close.
    expect(kinds).toEqual([...segments.map(() => 'segment'), ...(wasTaken && ends.length > 0 ? ['closed'] : []), ...late.map(() => 'late')]);
    expect(segments.map((one) => one.split(' ')[0])).toEqual(segments.map((_, seq) => String(seq)));
    expect(new Set([...segments, ...late]).size).toBe(segments.length + late.length);
    // Nothing that nobody appended, and everything that was acknowledged: of an epoch that nobody took, whoever came first.
    const isHandedOver = (attempt: Attempt): boolean => [...segments, ...late].some((one) => (wasTaken ? one === nameOf(attempt) : one.startsWith(`${attempt.seq} `)));
    expect([...segments, ...late].filter((one) => !attempts.some((attempt) => nameOf(attempt) === one))).toEqual([]);
    expect(acknowledged.filter((attempt) => !isHandedOver(attempt))).toEqual([]);
    // What was released, because nobody had given the epoch up by then, counts: also when another process has begun meanwhile.
    const released = acknowledged.filter((attempt) => wasTaken && closes.every(({ begun }) => attempt.done < begun));
    expect(released.filter((attempt) => !segments.includes(nameOf(attempt)))).toEqual([]);
    // In time or too late: only what was at the same time as an end may be either.
    const inTime = attempts.filter((attempt) => !ends.some(({ done }) => done < attempt.begun));
    expect(segments.filter((one) => !inTime.some((attempt) => nameOf(attempt) === one))).toEqual([]);
  }

  /** What ends an epoch: its close, the taking of a later one; one that was never taken was over before it began. */
  #endsOf(epoch: Named, closes: readonly Span[]): readonly Span[] {
    if (!this.#takes.some((take) => isSame(take, epoch))) return [{ ...epoch, begun: -1, done: -1 }];
    return [...closes, ...this.#takes.filter((take) => take.producer === epoch.producer && take.epoch > epoch.epoch)];
  }
}

function isSame(one: Named, other: Named): boolean {
  return one.producer === other.producer && one.epoch === other.epoch;
}
