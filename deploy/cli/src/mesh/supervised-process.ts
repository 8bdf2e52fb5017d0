import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Clock, Timer } from '@sluice/clock';
import { MIGRATION_TIMEOUT_MS } from '@sluice/sql';
import { z } from 'zod';
import { CommandFailed } from '../exit-code.ts';
import { BackOff } from './back-off.ts';

/** A process that dies before it served is started anew so often, and then given up: what keeps it from starting does not pass. */
const START_ATTEMPTS = 3;
/**
 * From each start until it serves. Longest takes a migration that changes a large table, which would begin anew with each start. The
 * filter gives up whatever rules it cannot compile after 120 s, two organisations at a time; billing serves after 12 s at most, however
 * much it has to read. Whatever takes longer hangs.
 */
export const START_LIMIT_MS = MIGRATION_TIMEOUT_MS + 60_000;
const TOO_LONG = `it does not serve after ${START_LIMIT_MS / 1000} s`;
/** What it said last, for the message that it cannot be started. */
const TAIL_LINES = 8;
/** What a process wrote last can still be on its way when it has ended; whoever inherited its outputs may hold them open for ever. */
const LAST_WORDS_MS = 1_000;

const readyMessage = z.object({ ready: z.object({ url: z.string().optional(), adminUrl: z.string().optional(), directUrl: z.string().optional(), grpcAddress: z.string().optional() }) });
/** Where a process serves clients, if it does. */
export type ProcessAddresses = z.infer<typeof readyMessage>['ready'];

export interface SupervisedOptions {
  readonly name: string;
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** After the wish to stop it has so long. */
  readonly patienceMs: number;
  readonly clock: Clock;
  /** Each line that it writes, and whether it has served since it was started. */
  readonly onLine: (line: string, hasServed: boolean) => void;
  /** At each start, with its number. */
  readonly onStarted: (pid: number) => void;
  /** It died and is started again after a rest. */
  readonly onDied: (how: string, restMs: number) => void;
}

/**
 * One process that is kept running: started again when it dies, after a rest that grows. It is a group of its own, so
 * that Ctrl-C in a terminal is for its supervisor alone, and it ends when its channel to the supervisor does.
 */
export class SupervisedProcess {
  readonly #options: SupervisedOptions;
  readonly #backOff = new BackOff();
  readonly #ready = Promise.withResolvers<ProcessAddresses>();
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #rest: Timer | undefined;
  #startLimit: Timer | undefined;
  #attempts = 0;
  #servedOnce = false;
  #readyAtMs: number | undefined;
  #stopping = false;
  #tail: string[] = [];

  constructor(options: SupervisedOptions) {
    this.#options = options;
    // Whoever waits for it hears of it; where nobody does any more, nobody needs to.
    this.#ready.promise.catch(() => undefined);
  }

  /** Resolves when it serves for the first time; rejects with a CommandFailed when it cannot be started. */
  async start(): Promise<ProcessAddresses> {
    this.#spawn();
    return this.#ready.promise;
  }

  /** Ends it as it wants to be ended; at once when its time is over. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#rest?.cancel();
    this.#child?.kill('SIGTERM');
    const tooLong = this.#options.clock.after(this.#options.patienceMs, () => this.kill());
    await this.#ended;
    tooLong.cancel();
  }

  /** Ends it at once. */
  kill(): void {
    this.#stopping = true;
    this.#rest?.cancel();
    this.#child?.kill('SIGKILL');
  }

  #spawn(): void {
    const { words, environment, clock, onLine, onStarted } = this.#options;
    this.#attempts++;
    this.#readyAtMs = undefined;
    const [program, ...rest] = words;
    const child = (this.#child = spawn(program!, rest, { env: environment, detached: true, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] }));
    if (child.pid !== undefined) onStarted(child.pid);
    for (const stream of [child.stdout!, child.stderr!]) {
      createInterface({ input: stream }).on('line', (line) => {
        this.#tail = [...this.#tail, line].slice(-TAIL_LINES);
        onLine(line, this.#readyAtMs !== undefined);
      });
    }
    child.on('message', (message) => this.#heard(message));
    let isTooLong = false;
    const limit = (this.#startLimit = clock.after(START_LIMIT_MS, () => {
      isTooLong = true;
      if (this.#servedOnce) child.kill('SIGKILL');
      else this.#giveUp(TOO_LONG);
    }));
    this.#ended = this.#end(child).then((how) => {
      limit.cancel();
      this.#died(child, isTooLong ? TOO_LONG : how);
    });
  }

  /** Resolves with how it ended, once it says nothing more. */
  async #end(child: ChildProcess): Promise<string> {
    return new Promise((resolve) => {
      child.once('error', (error) => {
        child.on('error', () => undefined);
        resolve(error.message);
      });
      child.once('exit', () => {
        const lastWords = this.#options.clock.after(LAST_WORDS_MS, () => [child.stdout, child.stderr].forEach((stream) => stream?.destroy()));
        child.once('close', (code, signal) => {
          lastWords.cancel();
          resolve(signal ?? `exit code ${code}`);
        });
      });
    });
  }

  #giveUp(why: string): void {
    this.kill();
    this.#ready.reject(new CommandFailed(`${this.#options.name} cannot be started (${why}). What it said last:\n${this.#tail.join('\n')}`));
  }

  #heard(message: unknown): void {
    const told = readyMessage.safeParse(message);
    if (!told.success) return;
    this.#startLimit?.cancel();
    this.#readyAtMs = this.#options.clock.monotonicMs();
    this.#servedOnce = true;
    this.#ready.resolve(told.data.ready);
  }

  #died(child: ChildProcess, how: string): void {
    if (this.#stopping || child !== this.#child) return;
    const { clock, onDied } = this.#options;
    if (!this.#servedOnce && this.#attempts >= START_ATTEMPTS) return this.#giveUp(how);
    const restMs = this.#backOff.restMs(this.#readyAtMs === undefined ? 0 : clock.monotonicMs() - this.#readyAtMs);
    onDied(how, restMs);
    this.#rest = clock.after(restMs, () => this.#spawn());
  }
}
