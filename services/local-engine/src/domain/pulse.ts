import type { Clock, Timer } from '@sluice/clock';

const PING_EVERY_MS = 5_000;

/**
 * A minute without an answer. The event loop of a model's process is idle while llama.cpp works, so it answers at once,
 * however long a prompt is; what holds it up is a long text being cut into tokens, a grammar being made, or a machine
 * that swaps: seconds. A process that is only starved must not be killed, because that costs all of its answers.
 */
const UNANSWERED_PINGS_LIMIT = 12;

/** Fifteen seconds: no new call goes to a process that does not answer, long before it is given up. */
const SILENT_PINGS_LIMIT = 3;

/**
 * Five minutes in which nothing was decoded although an answer is under way. One batch is at most 512 tokens; who decodes
 * less than two tokens in a second is of no use to anyone. By default a call ends after ten minutes: those that come
 * while the model hangs are to find it back before their own end.
 */
const IDLE_PINGS_LIMIT = 60;

export interface PulseParts {
  readonly clock: Clock;
  readonly ping: () => void;
  /** True while the process has an answer to make. */
  readonly isAnswering: () => boolean;
  /** Called once, with a reason without content. */
  readonly onHang: (reason: string) => void;
}

/**
 * Sees that a process hangs although it did not exit. It reads its messages in order, so an answered ping also says that
 * every cancellation before it has arrived. Pings are counted, not milliseconds: when the engine itself was paused
 * together with its processes, nothing that happened then is held against them.
 */
export class Pulse {
  readonly #parts: PulseParts;
  readonly #timer: Timer;
  #unanswered = 0;
  #idle = 0;
  #decodedTokens = 0;

  constructor(parts: PulseParts) {
    this.#parts = parts;
    this.#timer = parts.clock.every(PING_EVERY_MS, () => this.#beat());
  }

  /** True while the process leaves pings unanswered. */
  get isSilent(): boolean {
    return this.#unanswered > SILENT_PINGS_LIMIT;
  }

  /** The process answered a ping; `decodedTokens` grows as long as it decodes. */
  answered(decodedTokens: number): void {
    this.#unanswered = 0;
    const isIdle = this.#parts.isAnswering() && decodedTokens === this.#decodedTokens;
    this.#idle = isIdle ? this.#idle + 1 : 0;
    this.#decodedTokens = decodedTokens;
    if (this.#idle >= IDLE_PINGS_LIMIT) this.#hang(`decoded nothing for ${(IDLE_PINGS_LIMIT * PING_EVERY_MS) / 1000} s`);
  }

  /** Asks no more. */
  stop(): void {
    this.#timer.cancel();
  }

  #beat(): void {
    if (this.#unanswered >= UNANSWERED_PINGS_LIMIT) return this.#hang(`gave no sign of life for ${(UNANSWERED_PINGS_LIMIT * PING_EVERY_MS) / 1000} s`);
    this.#unanswered++;
    this.#parts.ping();
  }

  #hang(reason: string): void {
    this.stop();
    this.#parts.onHang(reason);
  }
}
