import type { Hold, Store, Subject, Taking, Use } from '@sluice/store';
import type { Principal } from '../call.ts';
import { tighter, type LimitState } from './limit-state.ts';
import { DAY, windowsOf, type LimitWindow } from './limit-windows.ts';
import type { LevelName, LimitSource } from './limits.ts';
import { RateLimitRefusal, type Obstacle } from './rate-limit-refusal.ts';

/** When a running call ends is not known; this is what its client is told to wait for one. */
const PLACE_WAIT_MS = 1_000;

/** Output beyond what was charged is charged in such steps, so that a token costs no charge of its own. */
export const CHARGE_STEP_TOKENS = 256;

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
  /**
   * Answers at once where nobody else has to be asked.
   *
   * @param tokens bound of what the call may take; never less than 0  @throws RateLimitRefusal
   */
  admit(principal: Principal, tokens: number): Ticket | Promise<Ticket>;
}

interface LimitedSubject extends Subject {
  readonly level: LevelName;
  readonly windows: readonly LimitWindow[];
}

/**
 * Lets calls in while no limit of their organisation, project and key is passed: at all levels or at none. Limits are
 * looked up at each call, so a change holds for the next one; the store counts, and what was counted stays. Windows count
 * from when there is a limit of their kind.
 */
export class RateLimits implements Admission {
  readonly #source: LimitSource;
  readonly #store: Store;

  constructor(source: LimitSource, store: Store) {
    this.#source = source;
    this.#store = store;
  }

  admit({ organisationId, projectId, keyId }: Principal, tokens: number): Ticket | Promise<Ticket> {
    const subjects = [this.#subject('organisation', organisationId), this.#subject('project', projectId), this.#subject('key', keyId)];
    const taking = this.#store.take(subjects, tokens);
    return taking instanceof Promise ? taking.then((taken) => admitted(subjects, taken, tokens)) : admitted(subjects, taking, tokens);
  }

  /** What a subject asked for in the day before this process began to count, by its clock; to be told once. */
  remember(subjectId: string, requests: readonly Use[]): void {
    this.#store.precede(subjectId, DAY, requests);
  }

  #subject(level: LevelName, id: string): LimitedSubject {
    const limits = this.#source.limits(id);
    return { level, id, windows: windowsOf(limits), places: limits && limits.concurrentRequests > 0 ? limits.concurrentRequests : undefined };
  }
}

function admitted(subjects: readonly LimitedSubject[], taking: Taking, tokens: number): Ticket {
  const state = stateOf(subjects, taking);
  if (!taking.hold) throw new RateLimitRefusal(largest(subjects, taking, tokens), state ?? { requests: undefined, tokens: undefined });
  return new Admitted(state, taking.hold, tokens);
}

class Admitted implements Ticket {
  readonly state: LimitState | undefined;
  readonly #hold: Hold;
  #charged: number;

  constructor(state: LimitState | undefined, hold: Hold, tokens: number) {
    this.state = state;
    this.#hold = hold;
    this.#charged = tokens;
  }

  used(tokens: number): void {
    if (tokens <= this.#charged) return;
    const more = Math.ceil((tokens - this.#charged) / CHARGE_STEP_TOKENS) * CHARGE_STEP_TOKENS;
    this.#charged += more;
    this.#hold.use(more);
  }

  end(tokens: number): void {
    this.#hold.end(tokens - this.#charged);
  }
}

/** Of the limits that do not let this call in, the one with the longest wait: only behind it a retry makes sense. */
function largest(subjects: readonly LimitedSubject[], { windows: states, full }: Taking, tokens: number): Obstacle {
  let found: Obstacle | undefined;
  const consider = (obstacle: Obstacle): void => {
    if (obstacle.waitMs > (found?.waitMs ?? 0)) found = obstacle;
  };
  let at = 0;
  for (const [index, { level, id: subjectId, windows, places }] of subjects.entries()) {
    for (const { kind, limit, counts } of windows) {
      consider({ level, subjectId, kind, limit, asked: counts === 'amounts' ? tokens : 1, waitMs: states[at++]!.waitMs });
    }
    if (full[index]) consider({ level, subjectId, kind: 'concurrent_requests', limit: places!, asked: 1, waitMs: PLACE_WAIT_MS });
  }
  if (!found) throw new Error('the store refused a call that no limit keeps out');
  return found;
}

/** Undefined when nothing is limited by a window. */
function stateOf(subjects: readonly LimitedSubject[], { windows: states }: Taking): LimitState | undefined {
  if (states.length === 0) return undefined;
  let requests: LimitState['requests'];
  let tokens: LimitState['tokens'];
  let at = 0;
  for (const { windows } of subjects) {
    for (const { kind, limit } of windows) {
      const { remaining, emptyInMs } = states[at++]!;
      const gauge = { limit, remaining, resetMs: emptyInMs };
      if (kind === 'tokens_per_minute') tokens = tighter(tokens, gauge);
      else requests = tighter(requests, gauge);
    }
  }
  return { requests, tokens };
}
