import type { Clock, Timer } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import type { EventLog, StoredSegment } from '@sluice/events';
import type { HealthState } from '@sluice/lifecycle';
import type { Logger } from '@sluice/telemetry';
import { backOff } from './back-off.ts';
import { EpochLease } from './epoch.ts';
import { segmentFigures, type SegmentFigures } from './figures.ts';
import {
  AWAY_AFTER_MS, AWAY_RETRY_AFTER_SECONDS, DISK_FULL_RETRY_MS, DRAIN_LIMIT_MS, SLOW_AFTER_MS, SPACING_LIMIT_MS,
  SPACING_PER_STREAM_MS, TIMER_GRAIN_MS, WATCH_EVERY_MS,
} from './limits.ts';
import { OpenCalls } from './open-calls.ts';
import type { RecordSource, SealingKeys } from './record.ts';
import { SegmentBuilder } from './segment.ts';
import { WaitingSources } from './waiting-sources.ts';

export interface SegmentWriterDependencies {
  readonly events: Pick<EventLog, 'hasRoom' | 'takeEpoch' | 'renewEpoch' | 'appendSegment' | 'closeEpoch'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Name of this data-plane process on the log (`EventLog.producerName`). */
  readonly producer: string;
  readonly sealingKeys: SealingKeys;
}

/** The one segment under way. */
interface Flight {
  readonly segment: StoredSegment;
  readonly sources: ReadonlySet<RecordSource>;
  readonly records: number;
  readonly sentAtMs: number;
}

/**
 * Writes ahead what calls are about to release (DESIGN.md section 4). One segment is in flight at a time; what calls
 * produce meanwhile shares the next. A source hears `acknowledged` when its records are durable under a lease that is
 * still held, else `lost`; never both for the same records, and nothing after `lost`.
 */
export class SegmentWriter {
  readonly #from: SegmentWriterDependencies;
  readonly #waiting: WaitingSources;
  readonly #calls: OpenCalls;
  readonly #figures: SegmentFigures;
  #watch: Timer | undefined;
  #spacing: Timer | undefined;
  #flushAsked = false;
  #lease: EpochLease | undefined;
  #taking = Promise.resolve();
  /** Since when an epoch is being taken; undefined while none is. */
  #takingSinceMs: number | undefined;
  #nextSeq = 0n;
  #flight: Flight | undefined;
  #sentAtMs = -Infinity;
  #away = false;
  #diskFull = false;
  #state: 'running' | 'draining' | 'stopped' = 'running';
  #drained: (() => void) | undefined;

  constructor(dependencies: SegmentWriterDependencies) {
    this.#from = dependencies;
    this.#waiting = new WaitingSources(dependencies.sealingKeys);
    this.#calls = new OpenCalls(dependencies.logger);
    this.#figures = segmentFigures(() => this.#waiting.size, () => (this.#flight ? this.#nowMs() - this.#flight.sentAtMs : 0));
  }

  /** Takes an epoch, trying until the log answers. Calls may be opened before it resolves. */
  start(): Promise<void> {
    this.#watch ??= this.#from.clock.every(WATCH_EVERY_MS, () => this.#look());
    return this.#takeEpoch();
  }

  /**
   * Writes what is under way (nothing to a disk that is full), then closes the epoch: both within DRAIN_LIMIT_MS. Calls
   * that are still open are lost; an epoch that is not closed by then may be closed a moment later, or by whoever watches over it.
   */
  async stop(): Promise<void> {
    if (this.#state !== 'running') return;
    this.#state = 'draining';
    const limit = Promise.withResolvers<void>();
    const timer = this.#from.clock.after(DRAIN_LIMIT_MS, limit.resolve);
    await Promise.race([this.#drain(), limit.promise]);
    this.#state = 'stopped';
    this.#watch?.cancel();
    this.#spacing?.cancel();
    this.#figures.close();
    const lease = this.#lease;
    this.#loseAll(drainingError());
    if (lease?.held()) {
      const closing = this.#from.events.closeEpoch(this.#from.producer, lease.epoch).catch((thrown: unknown) => this.#warn('the epoch was not closed', ServiceError.from(thrown)));
      await Promise.race([closing, limit.promise]);
    }
    timer.cancel();
  }

  /** Throws `draining`, `disk_full` or `audit_log_unavailable` when a new call could not be recorded now. */
  accepting(): void {
    if (this.#state !== 'running') throw drainingError();
    // A process that wakes up may hear of calls before its own timer tells it that its time was over.
    if (this.#lease && !this.#lease.held()) this.#loseEpoch();
    if (this.#isFull() || this.#away) throw this.#awayError();
  }

  /** A call begins: from now on it hears when the epoch is lost, also while it has nothing to write. */
  open(source: RecordSource): void {
    this.#calls.open(source);
  }

  /** A call has ended and needs to hear nothing more of the epoch. */
  close(source: RecordSource): void {
    this.#calls.close(source);
  }

  /** The source has records. Asked again before they are taken, it changes nothing; a source that is lost stays lost. */
  enqueue(source: RecordSource): void {
    if (this.#state === 'stopped') return this.#calls.lose(source, drainingError());
    if (this.#calls.isLost(source)) return;
    this.#waiting.add(source);
    this.#askFlush();
  }

  /** Where a call that is opened in this turn will be recorded, or else lost; undefined while no epoch is held. */
  get place(): { readonly producer: string; readonly epoch: bigint } | undefined {
    return this.#lease && { producer: this.#from.producer, epoch: this.#lease.epoch };
  }

  /** Resolves when the epoch that is being taken is held, or nothing is being taken. */
  placed(): Promise<void> {
    return this.#taking;
  }

  health(): HealthState {
    if (this.#isFull()) return { status: 'down', detail: 'the event log has no room on its disk' };
    if (this.#away) return { status: 'down', detail: 'the event log does not answer' };
    if (!this.#lease) return { status: 'down', detail: 'no epoch is held yet' };
    const silentMs = this.#silentMs();
    return silentMs < SLOW_AFTER_MS ? { status: 'ok' } : { status: 'degraded', detail: `the event log has not answered for ${Math.round(silentMs)} ms` };
  }

  /** What becomes ready in the same turn of the event loop shares a segment. */
  #askFlush(): void {
    if (this.#flushAsked || this.#flight || this.#spacing) return;
    this.#flushAsked = true;
    queueMicrotask(() => {
      this.#flushAsked = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#flight || this.#spacing || !this.#lease) return;
    // With the disk full, empty segments find out when there is room again: no call is accepted that could.
    if (this.#waiting.size === 0 && !this.#diskFull) return this.#drained?.();
    if (!this.#lease.held()) return this.#loseEpoch();
    const spacingMs = this.#diskFull ? DISK_FULL_RETRY_MS : Math.min(SPACING_LIMIT_MS, SPACING_PER_STREAM_MS * this.#calls.size);
    const waitMs = this.#sentAtMs + spacingMs - this.#nowMs();
    if (waitMs < TIMER_GRAIN_MS) return this.#append(this.#lease.epoch);
    this.#spacing = this.#from.clock.after(waitMs, () => {
      this.#spacing = undefined;
      this.#flush();
    });
  }

  #append(epoch: bigint): void {
    const builder = new SegmentBuilder();
    const { sources, failed } = this.#waiting.fill(builder);
    const isDue = builder.records > 0 || this.#diskFull;
    const segment = isDue ? this.#build(builder, epoch, sources) : undefined;
    if (segment) {
      this.#flight = { segment, sources, records: builder.records, sentAtMs: this.#sentAtMs };
      void this.#send(this.#flight);
    }
    for (const { source, error } of failed) this.#calls.lose(source, error);
    // Behind a segment that could not be built others may wait, which were not in it.
    if (isDue && !segment) this.#askFlush();
    else if (!segment) this.#drained?.();
  }

  /**
   * The next segment. When it cannot be built, its calls are lost and its number is not spent: a gap would keep
   * everything behind it from the log.
   */
  #build(builder: SegmentBuilder, epoch: bigint, sources: ReadonlySet<RecordSource>): StoredSegment | undefined {
    // Also an attempt that fails counts for the spacing, so that attempts do not follow each other at once.
    this.#sentAtMs = this.#nowMs();
    try {
      const segment = builder.build({ producer: this.#from.producer, epoch, seq: this.#nextSeq }, this.#from.clock.wallMs());
      this.#nextSeq++;
      return segment;
    } catch (thrown) {
      const error = ServiceError.from(thrown);
      this.#warn('a segment could not be built', error);
      for (const source of sources) {
        this.#waiting.delete(source);
        this.#calls.lose(source, error);
      }
      return undefined;
    }
  }

  /** Sends the same bytes until their fate is known or the epoch has ended, which takes the flight away. */
  async #send(flight: Flight): Promise<void> {
    for (let failures = 0; this.#flight === flight; failures++) {
      try {
        await this.#from.events.appendSegment(flight.segment);
        if (this.#flight === flight) this.#acknowledge(flight);
        return;
      } catch (thrown) {
        if (this.#flight !== flight) return;
        const error = ServiceError.from(thrown);
        if (error.code === 'epoch_lost') return this.#loseEpoch();
        this.#figures.retried();
        await this.#failed('a segment was not acknowledged', failures, error);
      }
    }
  }

  #acknowledge(flight: Flight): void {
    // The law of the house: past the deadline nothing is released, because the epoch may be closed and given up for us.
    if (!this.#lease?.held()) return this.#loseEpoch();
    this.#flight = undefined;
    this.#diskFull = false;
    this.#figures.acknowledged(flight.segment.bytes.length, flight.records, this.#nowMs() - flight.sentAtMs);
    for (const source of flight.sources) if (!this.#waiting.holds(source)) this.#calls.acknowledge(source);
    // Calls that were given up meanwhile have no end in this epoch: closing it lets audit write it.
    if (this.#away) return this.#loseEpoch();
    this.#flush();
  }

  /** Runs every WATCH_EVERY_MS, and late after a pause of the process. */
  #look(): void {
    if (this.#lease && !this.#lease.held()) return this.#loseEpoch();
    // Whatever ended the last try: a writer without an epoch would refuse calls for ever.
    if (!this.#lease) void this.#takeEpoch();
    if (this.#away || this.#silentMs() >= AWAY_AFTER_MS) return this.#giveUp();
    void this.#lease?.renewWhenDue();
  }

  /**
   * The log is away: calls end now, except those in the segment under way. They wait for its fate, but no longer than
   * the lease lasts, which is not renewed any more.
   */
  #giveUp(): void {
    if (!this.#away) this.#from.logger.error({ producer: this.#from.producer, silentMs: this.#silentMs() }, 'the event log is away; calls end');
    this.#away = true;
    const error = this.#awayError();
    for (const source of [...this.#calls, ...this.#waiting]) {
      if (this.#flight?.sources.has(source)) continue;
      this.#waiting.delete(source);
      this.#calls.lose(source, error);
    }
    if (this.#lease && !this.#flight) this.#loseEpoch();
  }

  #loseEpoch(): void {
    this.#figures.epochLost();
    this.#from.logger.warn({ producer: this.#from.producer, epoch: this.#lease?.epoch, calls: this.#calls.size }, 'the epoch is lost');
    this.#loseAll(this.#away ? this.#awayError() : new ServiceError('epoch_lost', 'The call could not be recorded and was ended.'));
    void this.#takeEpoch();
  }

  #loseAll(error: ServiceError): void {
    const sources = [...this.#calls, ...this.#waiting, ...(this.#flight?.sources ?? [])];
    this.#flight = undefined;
    this.#lease = undefined;
    this.#waiting.clear();
    for (const source of sources) this.#calls.lose(source, error);
    this.#drained?.();
  }

  #takeEpoch(): Promise<void> {
    if (this.#takingSinceMs === undefined) this.#taking = this.#tryTakeEpoch();
    return this.#taking;
  }

  async #tryTakeEpoch(): Promise<void> {
    this.#takingSinceMs = this.#nowMs();
    for (let failures = 0; this.#state !== 'stopped' && !this.#lease; failures++) {
      try {
        const lease = await EpochLease.take(this.#from);
        if (lease.held()) this.#begin(lease);
      } catch (thrown) {
        await this.#failed('no epoch was taken', failures, ServiceError.from(thrown));
      }
    }
    // In the same turn as the lease began: the next step may lose it again, and then must find that none is being taken.
    this.#takingSinceMs = undefined;
  }

  #begin(lease: EpochLease): void {
    if (this.#state === 'stopped') return;
    this.#away = false;
    this.#lease = lease;
    this.#nextSeq = 0n;
    this.#from.logger.info({ producer: this.#from.producer, epoch: lease.epoch }, 'an epoch is held');
    this.#askFlush();
  }

  #failed(what: string, failures: number, error: ServiceError): Promise<void> {
    this.#diskFull ||= error.code === 'disk_full';
    // Whoever waits for the end of a drain would wait for room on the disk.
    if (this.#diskFull) this.#drained?.();
    this.#warn(what, error);
    return backOff(this.#from.clock, failures, error);
  }

  /** How long the oldest question to the log has been without an answer. */
  #silentMs(): number {
    const asked = [this.#flight?.sentAtMs, this.#lease?.unansweredSinceMs, this.#takingSinceMs].filter((atMs) => atMs !== undefined);
    return asked.length === 0 ? 0 : this.#nowMs() - Math.min(...asked);
  }

  async #drain(): Promise<void> {
    if (this.#diskFull || (this.#waiting.size === 0 && !this.#flight)) return;
    await new Promise<void>((resolve) => { this.#drained = resolve; });
  }

  /** An append was refused for want of room, or the next one would be. */
  #isFull(): boolean {
    return this.#diskFull || !this.#from.events.hasRoom();
  }

  #awayError(): ServiceError {
    const [code, message] = this.#isFull()
      ? (['disk_full', 'Calls cannot be recorded: the disk of the event log is full.'] as const)
      : (['audit_log_unavailable', 'Calls cannot be recorded: the event log does not answer.'] as const);
    return new ServiceError(code, message, { retryAfterSeconds: AWAY_RETRY_AFTER_SECONDS });
  }

  #warn(what: string, error: ServiceError): void {
    this.#from.logger.warn({ producer: this.#from.producer, code: error.code, error: error.cause instanceof Error ? error.cause : error }, what);
  }

  #nowMs(): number {
    return this.#from.clock.monotonicMs();
  }
}

function drainingError(): ServiceError {
  return new ServiceError('draining', 'The server is shutting down.');
}
