import type { Clock, Ids, Timer } from '@sluice/clock';
import type { Logger } from '@sluice/telemetry';
import { Connection } from './connection.ts';
import { Member, type Heard, type Peer, type Server, type Terms } from './member.ts';
import type { Standing } from './share.ts';

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
  /** The name, the others and the data of the last time. */
  #before: { readonly name: string; readonly peers: readonly Peer[] } | undefined;
  #server: Server | undefined;
  #peers: readonly Peer[] = [];
  /** The others know this process by the name that it has now. */
  #isKnown = false;
  /** Where it stood under its last name, which others may still take it to have. */
  #earlier: Standing | undefined;
  #fellMs = 0;
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

  /** Where this process stands among those that share; none until the others know that it is there. */
  get standings(): readonly Standing[] {
    const current = this.#peers.find(({ name }) => name === this.#before?.name);
    if (this.#isKnown) return current ? [current] : [];
    return this.#earlier && current ? [this.#earlier, current] : [];
  }

  /** Resolves when Redis was asked once, whether it answered or not. */
  async start(): Promise<void> {
    this.#trying = this.#enter();
    await this.#trying;
  }

  /** Leaves in form, so that nobody waits for this process. */
  async stop(): Promise<void> {
    this.#stopped = true;
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
  }

  async #arrive(member: Member, server: Server): Promise<void> {
    const { clock, logger, held, tell, onArrival } = this.#parts;
    // What ends from here on is told behind it.
    const places = held();
    if (this.#server) await tell(member, memoryOf(server, this.#server), this.#fellMs);
    await member.join(this.#before && { ...this.#before, awayMs: clock.monotonicMs() - this.#fellMs }, places);
    this.#earlier = this.standings[0] ?? this.#earlier;
    this.#isKnown = false;
    this.#server = { run: server.run, generation: member.generation };
    this.#hear(member, await member.beat());
    this.#member = member;
    onArrival(member, places);
    if (this.#isAway) logger.info({}, 'Redis answers again; limits are counted together');
    this.#isAway = false;
    this.#retryMs = FIRST_RETRY_MS;
  }

  #hear(member: Member, heard: Heard): void {
    this.#peers = heard.peers;
    this.#before = { name: member.name, peers: heard.peers };
    this.#isKnown ||= heard.isKnown;
    this.#parts.onHeard(heard);
  }

  #sayAway(thrown: unknown): void {
    if (this.#isAway || this.#stopped) return;
    this.#isAway = true;
    this.#parts.logger.warn({ reason: reasonOf(thrown) }, 'Redis does not answer; until it does, this process keeps to its share of each limit');
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
