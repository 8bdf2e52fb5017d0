import type { Clock } from '@sluice/clock';
import type { Principal } from '../call.ts';
import { tighter, type LimitState } from './limit-state.ts';
import type { LevelName, LimitSource } from './limits.ts';
import { RateLimitRefusal, type Obstacle } from './rate-limit-refusal.ts';
import type { SlidingWindow, Use } from './sliding-window.ts';
import { SubjectUsage, amountOf, type WindowLimit } from './subject-usage.ts';

/** When a running call ends is not known; this is what its client is told to wait for one. */
const PLACE_WAIT_MS = 1_000;

/** How often what is idle is forgotten; walking all subjects takes about 0.1 µs for each. */
const FORGET_EVERY_MS = 60_000;

/** Output beyond what was charged is charged in such steps, so that a token costs no charge of its own. */
export const CHARGE_STEP_TOKENS = 256;

const NO_WINDOWS: readonly WindowLimit[] = [];

/** A call that was let in. */
export interface Ticket {
  /** For the client; undefined when nothing is limited. */
  readonly state: LimitState | undefined;
  /** The call has taken about so many tokens until now. What goes beyond its charge is charged when it is used, not when the call came. */
  used(tokens: number): void;
  /**
   * The call is over, and took so many tokens in truth: what was charged is put right where it was charged, latest
   * first; what it took beyond that counts from now, where the charge has left its window. Its place is given back. Only
   * the first time counts.
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

/** Tokens that were charged at one time. */
interface Charge {
  readonly tokens: number;
  /** Of each window of `Admitted`. */
  readonly buckets: readonly number[];
}

/**
 * Counts what organisations, projects and keys use, in this process and since it started (of the requests of a day also
 * what is remembered from before), and lets calls in while no
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
    const subjects = [this.#subject('organisation', organisationId), this.#subject('project', projectId), this.#subject('key', keyId)];
    const obstacle = largest(subjects, nowMs, tokens);
    if (obstacle) throw new RateLimitRefusal(obstacle, stateOf(subjects, nowMs));
    const tokenWindows: SlidingWindow[] = [];
    let isLimited = false;
    for (const { usage, windows } of subjects) {
      usage.running++;
      for (const { kind, window } of windows) {
        isLimited = true;
        if (kind === 'tokens_per_minute') tokenWindows.push(window);
        else window.add(nowMs, 1);
      }
    }
    const ticket = new Admitted(subjects, tokenWindows, this.#clock, tokens);
    if (isLimited) ticket.state = stateOf(subjects, nowMs);
    return ticket;
  }

  /** What a subject asked for in the day before this process began to count, by its clock; to be told once. */
  remember(subjectId: string, requests: readonly Use[]): void {
    this.#usage(subjectId).window('requests_per_day').precede(requests);
  }

  #usage(id: string): SubjectUsage {
    let usage = this.#usages.get(id);
    if (!usage) this.#usages.set(id, (usage = new SubjectUsage()));
    return usage;
  }

  #subject(level: LevelName, id: string): Subject {
    const usage = this.#usage(id);
    const limits = this.#source.limits(id);
    if (!limits) return { level, id, usage, windows: NO_WINDOWS, places: 0 };
    return { level, id, usage, windows: usage.windowLimits(limits), places: limits.concurrentRequests };
  }

  #forgetIdle(nowMs: number): void {
    if (nowMs - this.#forgotAtMs < FORGET_EVERY_MS) return;
    this.#forgotAtMs = nowMs;
    for (const [id, usage] of this.#usages) if (usage.isIdle(nowMs)) this.#usages.delete(id);
  }
}

class Admitted implements Ticket {
  state: LimitState | undefined;
  readonly #subjects: readonly Subject[];
  /** Those that count tokens. */
  readonly #windows: readonly SlidingWindow[];
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #charges: Charge[] = [];
  #charged = 0;
  #ended = false;

  constructor(subjects: readonly Subject[], windows: readonly SlidingWindow[], clock: Pick<Clock, 'monotonicMs'>, tokens: number) {
    this.#subjects = subjects;
    this.#windows = windows;
    this.#clock = clock;
    this.#charge(tokens);
  }

  used(tokens: number): void {
    if (tokens <= this.#charged || this.#ended) return;
    this.#charge(Math.ceil((tokens - this.#charged) / CHARGE_STEP_TOKENS) * CHARGE_STEP_TOKENS);
  }

  end(tokens: number): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#windows.length > 0) this.#putRight(tokens - this.#charged);
    for (const { usage } of this.#subjects) usage.running--;
  }

  #charge(tokens: number): void {
    this.#charged += tokens;
    if (this.#windows.length === 0) return;
    const nowMs = this.#clock.monotonicMs();
    this.#charges.push({ tokens, buckets: this.#windows.map((window) => window.add(nowMs, tokens)) });
  }

  /** What is more is put to the latest charge, what is less is taken from the latest first. */
  #putRight(difference: number): void {
    const nowMs = this.#clock.monotonicMs();
    let left = difference;
    for (let at = this.#charges.length - 1; at >= 0 && left !== 0; at--) {
      const { tokens, buckets } = this.#charges[at]!;
      const here = Math.max(left, -tokens);
      for (const [window, bucket] of buckets.entries()) this.#windows[window]!.correct(nowMs, bucket, here);
      left -= here;
    }
  }
}

/** Of the limits that do not let this call in, the one with the longest wait: only behind it a retry makes sense. */
function largest(subjects: readonly Subject[], nowMs: number, tokens: number): Obstacle | undefined {
  let found: Obstacle | undefined;
  const consider = (obstacle: Obstacle): void => {
    if (obstacle.waitMs > (found?.waitMs ?? 0)) found = obstacle;
  };
  for (const { level, id: subjectId, usage, windows, places } of subjects) {
    for (const { kind, limit, window } of windows) {
      const amount = amountOf(kind, tokens);
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
