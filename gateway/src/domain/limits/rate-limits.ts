import type { Clock } from '@sluice/clock';
import type { Principal } from '../call.ts';
import { tighter, type LimitState } from './limit-state.ts';
import type { LevelName, LimitSource } from './limits.ts';
import { RateLimitRefusal, type Obstacle } from './rate-limit-refusal.ts';
import type { SlidingWindow } from './sliding-window.ts';
import { SubjectUsage, windowLimits, type WindowLimit } from './subject-usage.ts';

/** When a running call ends is not known; this is what its client is told to wait for one. */
const PLACE_WAIT_MS = 1_000;

/** How often what is idle is forgotten; walking all subjects takes about 0.1 µs for each. */
const FORGET_EVERY_MS = 60_000;

/** A call that was let in. */
export interface Ticket {
  /** For the client; undefined when nothing is limited. */
  readonly state: LimitState | undefined;
  /**
   * The call is over, and took so many tokens in truth: its bound is corrected in the window that it was charged to, and
   * its place is given back. Only the first time counts.
   */
  end(tokens: number): void;
}

/** Who lets calls in, as the flow needs it. */
export interface Admission {
  /** @param tokens bound of what the call may take; never less than 0  @throws RateLimitRefusal */
  admit(principal: Principal, tokens: number): Ticket;
}

interface Subject {
  readonly level: LevelName;
  readonly id: string;
  readonly usage: SubjectUsage;
  readonly windows: readonly WindowLimit[];
  /** 0: no limit. */
  readonly places: number;
}

interface Charge {
  readonly window: SlidingWindow;
  readonly bucket: number;
}

/**
 * Counts what organisations, projects and keys use, in this process and since it started, and lets calls in while no
 * limit is passed: at all levels or at none. Limits are looked up at each call, so a change holds for the next one, and
 * what was counted stays. Windows count from when there is a limit of their kind.
 */
export class RateLimits implements Admission {
  readonly #source: LimitSource;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #usages = new Map<string, SubjectUsage>();
  #forgotAtMs = -Infinity;

  constructor(source: LimitSource, clock: Pick<Clock, 'monotonicMs'>) {
    this.#source = source;
    this.#clock = clock;
  }

  /** Subjects that are remembered. */
  get size(): number {
    return this.#usages.size;
  }

  admit({ organisationId, projectId, keyId }: Principal, tokens: number): Ticket {
    const nowMs = this.#clock.monotonicMs();
    this.#forgetIdle(nowMs);
    const subjects = [this.#subject('organisation', organisationId, tokens), this.#subject('project', projectId, tokens), this.#subject('key', keyId, tokens)];
    const obstacle = largest(subjects, nowMs);
    if (obstacle) throw new RateLimitRefusal(obstacle, stateOf(subjects, nowMs));
    const charges: Charge[] = [];
    let isLimited = false;
    for (const { usage, windows } of subjects) {
      usage.running++;
      for (const { kind, amount, window } of windows) {
        isLimited = true;
        const bucket = window.add(nowMs, amount);
        if (kind === 'tokens_per_minute') charges.push({ window, bucket });
      }
    }
    return new Admitted(subjects, charges, tokens, isLimited ? stateOf(subjects, nowMs) : undefined);
  }

  #subject(level: LevelName, id: string, tokens: number): Subject {
    let usage = this.#usages.get(id);
    if (!usage) this.#usages.set(id, (usage = new SubjectUsage()));
    const limits = this.#source.limits(id);
    if (!limits) return { level, id, usage, windows: [], places: 0 };
    return { level, id, usage, windows: windowLimits(usage, limits, tokens), places: limits.concurrentRequests };
  }

  #forgetIdle(nowMs: number): void {
    if (nowMs - this.#forgotAtMs < FORGET_EVERY_MS) return;
    this.#forgotAtMs = nowMs;
    for (const [id, usage] of this.#usages) if (usage.isIdle(nowMs)) this.#usages.delete(id);
  }
}

class Admitted implements Ticket {
  readonly state: LimitState | undefined;
  readonly #subjects: readonly Subject[];
  readonly #charges: readonly Charge[];
  readonly #tokens: number;
  #ended = false;

  constructor(subjects: readonly Subject[], charges: readonly Charge[], tokens: number, state: LimitState | undefined) {
    this.#subjects = subjects;
    this.#charges = charges;
    this.#tokens = tokens;
    this.state = state;
  }

  end(tokens: number): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const { window, bucket } of this.#charges) window.correct(bucket, tokens - this.#tokens);
    for (const { usage } of this.#subjects) usage.running--;
  }
}

/** Of the limits that do not let this call in, the one with the longest wait: only behind it a retry makes sense. */
function largest(subjects: readonly Subject[], nowMs: number): Obstacle | undefined {
  let found: Obstacle | undefined;
  const consider = (obstacle: Obstacle): void => {
    if (obstacle.waitMs > (found?.waitMs ?? 0)) found = obstacle;
  };
  for (const { level, id: subjectId, usage, windows, places } of subjects) {
    for (const { kind, limit, amount, window } of windows) {
      consider({ level, subjectId, kind, limit, asked: amount, waitMs: window.waitMs(nowMs, amount, limit) });
    }
    if (places > 0 && usage.running >= places) consider({ level, subjectId, kind: 'concurrent_requests', limit: places, asked: 1, waitMs: PLACE_WAIT_MS });
  }
  return found;
}

function stateOf(subjects: readonly Subject[], nowMs: number): LimitState {
  let requests: LimitState['requests'];
  let tokens: LimitState['tokens'];
  for (const { windows } of subjects) {
    for (const { kind, limit, window } of windows) {
      const gauge = { limit, remaining: Math.max(0, limit - window.used(nowMs)), resetMs: window.emptyInMs(nowMs) };
      if (kind === 'tokens_per_minute') tokens = tighter(tokens, gauge);
      else requests = tighter(requests, gauge);
    }
  }
  return { requests, tokens };
}
