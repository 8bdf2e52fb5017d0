import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Clock, Timer } from '@sluice/clock';
import { Pulse } from '../domain/pulse.ts';
import type { Command, Report } from '../llama-process/messages.ts';

const MAIN = fileURLToPath(new URL('../llama-process/main.ts', import.meta.url));

/**
 * llama.cpp puts the rows of a batch in order when the first row is read, without a lock; node-llama-cpp reads the rows
 * of different sequences on different threads of Node's pool. With more than one thread two answers can each get the
 * other's probabilities. With one, every read waits for the one before it; decoding has threads of its own.
 */
const THREAD_POOL_SIZE = '1';

/** A killed process is gone within this, unless it waits for a disk that does not answer: nobody waits for it then. */
const EXIT_LIMIT_MS = 10_000;

/**
 * The operating system's side of a model's process: started, asked whether it lives, and ended. It inherits nothing: no
 * loader arguments, which llama.cpp's own test process would stumble over, no environment, and no standard streams,
 * which belong to the native code.
 */
export class WatchedChild {
  /** Resolves, with a content-free reason, when the process is gone; never rejects. */
  readonly gone: Promise<string>;
  /** Gets what the process says of its work; set by who uses the process. */
  onReport: (report: Report) => void = () => undefined;
  /** True while the process has an answer to make; set by who uses the process. */
  isAnswering: () => boolean = () => false;
  readonly #child: ChildProcess;
  readonly #clock: Clock;
  readonly #pulse: Pulse;
  #isGone = false;
  #endedBecause: string | undefined;
  #exitTimer: Timer | undefined;
  #leave!: (reason: string) => void;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.gone = new Promise((resolve) => (this.#leave = resolve));
    const child = fork(MAIN, [], {
      execArgv: [],
      serialization: 'advanced',
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      env: { NODE_LLAMA_CPP_SKIP_DOWNLOAD: 'true', UV_THREADPOOL_SIZE: THREAD_POOL_SIZE },
    });
    this.#child = child;
    this.#pulse = new Pulse({ clock, isAnswering: () => this.isAnswering(), ping: () => this.send({ type: 'ping' }), onHang: (reason) => void this.end(reason) });
    child.once('exit', (code, signal) => this.#left(this.#endedBecause ?? signal ?? `exit code ${code}`));
    child.on('error', (error) => (child.pid === undefined ? this.#left(error.name) : void this.end(error.name)));
    child.on('message', (report: Report) => (report.type === 'alive' ? this.#pulse.answered(report.decodedTokens) : this.onReport(report)));
  }

  /** True while it gives no sign of life, and is not given up yet. */
  get isSilent(): boolean {
    return this.#pulse.isSilent;
  }

  send(command: Command): void {
    // A child that went away reports that by its exit; the failed send adds nothing.
    if (this.#child.connected) this.#child.send(command, () => undefined);
  }

  /** Ends the process at once; resolves when it is gone, or does not go although it was killed. */
  async end(reason: string): Promise<void> {
    if (this.#isGone) return;
    this.#endedBecause ??= reason;
    this.#pulse.stop();
    this.#child.kill('SIGKILL');
    this.#exitTimer ??= this.#clock.after(EXIT_LIMIT_MS, () => this.#abandon());
    await this.gone;
  }

  #left(reason: string): void {
    this.#isGone = true;
    this.#pulse.stop();
    this.#exitTimer?.cancel();
    this.#leave(reason);
  }

  /** It must not keep the engine's own process from ending. */
  #abandon(): void {
    this.#child.unref();
    if (this.#child.connected) this.#child.disconnect();
    this.#left(`${this.#endedBecause}; killed, and still there`);
  }
}
