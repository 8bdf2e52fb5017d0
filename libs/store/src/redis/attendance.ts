import type { Clock, Ids, Timer } from '@sluice/clock';
import type { Logger } from '@sluice/telemetry';
import { Connection } from './connection.ts';
import { Member, type Heard, type Peer, type Server } from './member.ts';
import type { Terms } from './terms.ts';

const FIRST_RETRY_MS = 100;
const LAST_RETRY_MS = 1_000;

/** What Redis still has of what it was told: all, all but the latest (it was started anew), or nothing. */
export type Memory = 'whole' | 'without the latest' | 'none';

export interface AttendanceParts {
  readonly url: string;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly terms: Terms;
  /** The process is alone from now on. */
  readonly onFall: () => void;
  /** The places that it holds where they are limited, by subject. */
  readonly held: () => ReadonlyMap<string, number>;
  /** Tells what this process has let in, before it counts on what is in Redis. */
  readonly tell: (member: Member, memory: Memory, fellMs: number) => Promise<void>;
  /** It is one of several again. */
  readonly onArrival: (member: Member, held: ReadonlyMap<string, number>) => void;
  readonly onHeard: (heard: Heard) => void;
}

/** Keeps this process among those that share: comes in, gives signs of life, and comes in anew whenever Redis was away. */
export class Attendance {
  readonly #parts: AttendanceParts;
  #member: Member | undefined;
  #arriving: Promise<void> | undefined;
  /** The name and the others of the last time, and the server. */
  #before: { readonly name: string; readonly peers: readonly Peer[] } | undefined;
  #server: Server | undefined;
  /** Of the last sign of life that was answered. */
  #last: Heard | undefined;
  /** Settles with the next one, or when there will be none. */
  #next = Promise.withResolvers<void>();
  /** Settles with the end of the next try to come in, or when there will be none. */
  #tried = Promise.withResolvers<void>();
  #fellMs = 0;
  #awaySinceMs = 0;
  #retryMs = FIRST_RETRY_MS;
  #isAway = false;
  #stopped = false;
  #trying: Promise<void> = Promise.resolve();
  #retry: Timer | undefined;
  readonly #beats: Timer;

  constructor(parts: AttendanceParts) {
    this.#parts = parts;
    this.#beats = parts.clock.every(parts.terms.beatMs, () => void this.beat());
  }

  /** Undefined while Redis is away. */
  get member(): Member | undefined {
    return this.#member;
  }

  /** Settles when this process has come in, or has failed to; takings wait for that. */
  get arriving(): Promise<void> | undefined {
    return this.#arriving;
  }

  /** Settles with the next sign of life, or when this process is alone. */
  get nextBeat(): Promise<void> {
    return this.#next.promise;
  }

  /**
   * Settles when Redis was tried once more; undefined as soon as it has been away for longer than a taking waits. For who has no share of
   * his own: on a busy machine Redis is away for a moment only.
   */
  get retrying(): Promise<void> | undefined {
    const { clock, terms: { patienceBeats, beatMs } } = this.#parts;
    return this.#isAway && !this.#stopped && clock.monotonicMs() - this.#awaySinceMs < patienceBeats * beatMs ? this.#tried.promise : undefined;
  }

  /** Among how many this process shares; 0 while the others may not know that it is there. */
  get count(): number {
    return this.#last?.isKnown ? this.#last.count : 0;
  }

  /** When the last sign of life was given that was answered. */
  get heardMs(): number {
    return this.#last?.askedMs ?? -Infinity;
  }

  /** Resolves when Redis was asked once, whether it answered or not. */
  async start(): Promise<void> {
    this.#trying = this.#enter();
    await this.#trying;
  }

  /** Leaves in form, so that nobody waits for this process. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#goOn();
    this.#endTry();
    this.#beats.cancel();
    this.#retry?.cancel();
    await this.#trying;
    const member = this.#member;
    this.#member = undefined;
    // Who cannot say that it leaves is missed for the length of a lease.
    await member?.leave().catch(() => undefined);
    member?.close();
  }

  /** Gives a sign of life. */
  async beat(): Promise<void> {
    const member = this.#member;
    if (!member) return;
    try {
      this.#hear(member, await member.beat());
    } catch (thrown) {
      this.fall(member, thrown);
    }
  }

  /** This member does not answer any more, or was answered that it is none. */
  fall(member: Member, thrown: unknown): void {
    if (this.#member !== member) return member.close();
    this.#member = undefined;
    member.close();
    this.#fellMs = this.#parts.clock.monotonicMs();
    this.#parts.onFall();
    this.#goOn();
    this.#sayAway(thrown);
    this.#tryLater();
  }

  async #enter(): Promise<void> {
    const { url, clock, ids, terms } = this.#parts;
    let member: Member | undefined;
    const lost = (error: Error): void => void (member && this.fall(member, error));
    try {
      const connection = await Connection.open(url, clock, terms.answerLimitMs, lost);
      const arrived = (member = new Member(ids.next('process'), connection, clock, terms));
      const server = await arrived.prepare();
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#arriving = promise;
      try {
        await this.#arrive(arrived, server);
      } finally {
        this.#arriving = undefined;
        resolve();
      }
    } catch (thrown) {
      member?.close();
      this.#sayAway(thrown);
      this.#tryLater();
    }
    this.#endTry();
  }

  async #arrive(member: Member, server: Server): Promise<void> {
    const { logger, held, tell, onArrival } = this.#parts;
    // What ends from here on is told behind it.
    const places = held();
    const memory = this.#server ? memoryOf(server, this.#server) : 'whole';
    if (this.#server) await tell(member, memory, this.#fellMs);
    await member.join(this.#before && { ...this.#before, isLost: memory !== 'whole' }, places);
    this.#server = { run: server.run, generation: member.generation };
    this.#hear(member, await member.beat());
    this.#member = member;
    onArrival(member, places);
    if (this.#isAway) logger.info({}, 'Redis answers again; limits are counted together');
    this.#isAway = false;
    this.#retryMs = FIRST_RETRY_MS;
  }

  #hear(member: Member, heard: Heard): void {
    this.#last = heard;
    this.#before = { name: member.name, peers: heard.peers };
    this.#parts.onHeard(heard);
    this.#goOn();
  }

  #goOn(): void {
    this.#next.resolve();
    this.#next = Promise.withResolvers();
  }

  #endTry(): void {
    this.#tried.resolve();
    this.#tried = Promise.withResolvers();
  }

  #sayAway(thrown: unknown): void {
    if (this.#isAway || this.#stopped) return;
    this.#isAway = true;
    this.#awaySinceMs = this.#parts.clock.monotonicMs();
    const what = this.count > 0 ? 'it keeps to its reserve of each limit' : 'it refuses what is limited, because not all others have heard yet that it shares';
    this.#parts.logger.warn({ reason: reasonOf(thrown) }, `Redis takes no counts of this process; until it does, ${what}`);
  }

  #tryLater(): void {
    if (this.#stopped) return;
    this.#retry?.cancel();
    this.#retry = this.#parts.clock.after(this.#retryMs, () => void (this.#trying = this.#enter()));
    this.#retryMs = Math.min(LAST_RETRY_MS, this.#retryMs * 2);
  }
}

function memoryOf(found: Server, known: Server): Memory {
  if (found.generation !== known.generation) return 'none';
  return found.run === known.run ? 'whole' : 'without the latest';
}

/** Some errors of the network have a code and no message. */
function reasonOf(thrown: unknown): string {
  const { message, code } = thrown as { readonly message?: string; readonly code?: string };
  return message || code || String(thrown);
}
