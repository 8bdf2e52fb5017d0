import { expect } from '@jest/globals';
import fc from 'fast-check';
import { ServiceError } from '@sluice/errors';
import type { EventLog } from './event-log.ts';

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
 * Two processes that believe to be the same producer append, repeat, take and close as they like. After a close nothing
 * is acknowledged, and what is delivered is what was acknowledged, in order, each epoch with one close behind it.
 */
export async function checkFencing(name: string, logs: readonly [EventLog, EventLog]): Promise<void> {
  let run = 0;
  await fc.assert(fc.asyncProperty(STEPS, async (steps) => {
    const trial = new Trial(`${name}.${run++}`, logs);
    for (let at = 0; at < steps.length; at++) {
      const [step, next] = [steps[at]!, steps[at + 1]];
      if (step.together && next && next.process !== step.process) {
        at++;
        await Promise.all([trial.perform(step), trial.perform(next)]);
      } else {
        await trial.perform(step);
      }
    }
    await trial.check(`shop.${name}x${run}`);
  }), { numRuns: RUNS });
}

/** What a process believes: its epoch, its next place, the last content that was acknowledged. */
interface ProcessState {
  epoch: bigint;
  seq: bigint;
  last: string;
}

class Trial {
  readonly #producer: string;
  readonly #logs: readonly [EventLog, EventLog];
  readonly #processes: readonly [ProcessState, ProcessState] = [{ epoch: 0n, seq: 0n, last: '' }, { epoch: 0n, seq: 0n, last: '' }];
  readonly #acknowledged: { readonly epoch: bigint; readonly seq: bigint; readonly content: string }[] = [];
  readonly #closed = new Set<bigint>();
  readonly #violations: string[] = [];

  constructor(producer: string, logs: readonly [EventLog, EventLog]) {
    this.#producer = producer;
    this.#logs = logs;
  }

  async perform({ process, kind }: Step): Promise<void> {
    const [self, log] = [this.#processes[process], this.#logs[process]];
    if (kind === 'take') {
      self.epoch = await log.takeEpoch(this.#producer);
      self.seq = 0n;
      for (let old = 1n; old < self.epoch; old++) this.#closed.add(old);
    } else if (kind === 'close') {
      const { epoch } = self;
      await log.closeEpoch(this.#producer, epoch);
      this.#closed.add(epoch);
    } else {
      await this.#append(process, kind === 'retry' && self.seq > 0n);
    }
  }

  async #append(process: 0 | 1, again: boolean): Promise<void> {
    const self = this.#processes[process];
    const { epoch } = self;
    const seq = again ? self.seq - 1n : self.seq;
    const content = again ? self.last : `from ${process}`;
    const wasClosed = this.#closed.has(epoch);
    const code = await this.#logs[process].appendSegment({ producer: this.#producer, epoch, seq, bytes: Buffer.from(content) })
      .then(() => 'done', (thrown: unknown) => ServiceError.from(thrown).code);
    if (code === 'done' ? wasClosed : code !== 'epoch_lost') this.#violations.push(`${code} for ${epoch}.${seq}`);
    if (code !== 'done' || again) return;
    this.#acknowledged.push({ epoch, seq, content });
    self.seq = seq + 1n;
    self.last = content;
  }

  async check(consumer: string): Promise<void> {
    const delivered: string[] = [];
    const subscription = this.#logs[0].subscribeSegments(consumer, async (_transaction, entries) => {
      for (const entry of entries) {
        if (entry.kind === 'closed' && entry.producer === this.#producer) delivered.push(`${entry.epoch} closed`);
        if (entry.kind !== 'closed' && entry.segment.producer === this.#producer) delivered.push(`${entry.segment.epoch}.${entry.segment.seq} ${Buffer.from(entry.segment.bytes).toString()}`);
      }
    });
    await subscription.caughtUp();
    await subscription.stop();
    expect(this.#violations).toEqual([]);
    const epochs = [...new Set([...this.#acknowledged.map(({ epoch }) => epoch), ...[...this.#closed].filter((epoch) => epoch > 0n)])].sort((a, b) => Number(a - b));
    expect(delivered).toEqual(epochs.flatMap((epoch) => [
      ...this.#acknowledged.filter((one) => one.epoch === epoch).sort((a, b) => Number(a.seq - b.seq)).map(({ seq, content }) => `${epoch}.${seq} ${content}`),
      ...(this.#closed.has(epoch) ? [`${epoch} closed`] : []),
    ]));
  }
}
