import type { Clock, Ids } from '@sluice/clock';
import type { HealthState } from '@sluice/lifecycle';
import type { Logger } from '@sluice/telemetry';
import { InProcessStore } from '../in-process/in-process-store.ts';
import { usedOf } from '../in-process/subject-counts.ts';
import type { Store, Subject, Taking, Use } from '../store.ts';
import { AloneCounts } from './alone-counts.ts';
import { Attendance, type Memory } from './attendance.ts';
import { CountedPlaces } from './counted-places.ts';
import { Histories } from './histories.ts';
import { placesKey, windowKey } from './keys.ts';
import { KnownUses } from './known-uses.ts';
import { LatestUses } from './latest-uses.ts';
import { sharedWindow, type Member, type Reported, type TakeReply } from './member.ts';
import type { Terms } from './terms.ts';
import { reportOf } from './report.ts';
import { RedisHold, type Counting } from './redis-hold.ts';

/** Windows that are told in one script: a hundred take Redis about a millisecond. */
const TOLD_AT_ONCE = 200;

export interface RedisStoreOptions {
  /** `redis://`, or `rediss://` over TLS, with user and password where they are needed. */
  readonly url: string;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
}

/** A store that is one for all processes of a platform; while Redis is away each keeps to its reserve of every limit. */
export class RedisStore implements Store, Counting {
  /** All that this process lets in. */
  readonly #own: InProcessStore;
  readonly #known: KnownUses;
  readonly #latest: LatestUses;
  readonly #histories: Histories;
  readonly #attendance: Attendance;
  readonly #clock: Clock;
  readonly #terms: Terms;
  #places = new CountedPlaces();
  #alone: AloneCounts;

  constructor({ url, clock, ids, logger }: RedisStoreOptions, terms: Terms) {
    this.#clock = clock;
    this.#terms = terms;
    this.#own = new InProcessStore(clock);
    this.#known = new KnownUses(() => clock.monotonicMs());
    this.#latest = new LatestUses(clock);
    this.#histories = new Histories(clock);
    this.#attendance = new Attendance({
      url, clock, ids, logger, terms,
      onFall: () => void (this.#alone = this.#aloneNow()),
      held: () => this.#places.held((id) => this.#own.held(id)),
      tell: (member, memory, fellMs) => this.#tell(member, memory, fellMs),
      onArrival: (member, held) => this.#arrive(member, held),
      onHeard: (heard) => {
        this.#known.heardBeat(heard);
        this.#places.sweep((id) => this.#own.held(id));
      },
    });
    this.#alone = this.#aloneNow();
  }

  /** Resolves when Redis was asked once, whether it answered or not. */
  start(): Promise<void> {
    return this.#attendance.start();
  }

  /** Leaves in form: what others may let in grows at once. */
  stop(): Promise<void> {
    return this.#attendance.stop();
  }

  /** How many processes share, once all of them know of this one; 0 until then. One that died counts as long as it may be letting calls in by itself. */
  get processes(): number {
    return this.#attendance.count;
  }

  health(): HealthState {
    if (this.member) return { status: 'ok' };
    const what = this.#attendance.count > 0 ? 'keeps to its reserve of each limit' : 'refuses what is limited: not all others have heard yet that it shares';
    return { status: 'degraded', detail: `Redis does not answer; this process ${what}` };
  }

  take(subjects: readonly Subject[], amount: number): Taking | Promise<Taking> {
    if (!subjects.some(({ id, windows, places }) => windows.length > 0 || places !== undefined || this.#places.has(id))) {
      return { hold: new RedisHold(this.#own.note(subjects, amount), this, subjects), windows: [], full: [] };
    }
    const { member, arriving } = this;
    if (arriving) return arriving.then(() => this.take(subjects, amount));
    if (member) return this.#takeShared(member, subjects, amount, this.#terms.patienceBeats);
    const retrying = this.#attendance.count === 0 ? this.#attendance.retrying : undefined;
    return retrying ? retrying.then(() => this.take(subjects, amount)) : this.#takeAlone(subjects, amount);
  }

  precede(subjectId: string, window: Parameters<Store['precede']>[1], uses: readonly Use[]): void {
    const shared = sharedWindow(subjectId, window);
    this.#histories.add(shared, uses);
    this.#known.told(shared.key, uses.reduce((sum, { amount }) => sum + amount, 0));
    const { member } = this;
    if (member) this.#sendHistories(member);
  }

  /** @internal Of the holds of this store. */
  get member(): Member | undefined {
    return this.#attendance.member;
  }

  /** @internal */
  get alone(): AloneCounts {
    return this.#alone;
  }

  /** @internal */
  get arriving(): Promise<void> | undefined {
    return this.#attendance.arriving;
  }

  /** @internal */
  counted(subjectIds: readonly string[]): readonly string[] {
    return subjectIds.filter((id) => this.#places.has(id));
  }

  /** @internal */
  fall(member: Member, thrown: unknown): void {
    this.#attendance.fall(member, thrown);
  }

  /** @param patience for how many signs of life it waits for others to hear what was used */
  async #takeShared(member: Member, subjects: readonly Subject[], amount: number, patience: number): Promise<Taking> {
    const windows = subjects.flatMap(({ id, windows: limits }) => limits.map((limit) => ({ ...sharedWindow(id, limit), limit: limit.limit, amount: usedOf(limit, amount) })));
    const counted = this.#places;
    const placed = subjects.filter(({ id, places }) => places !== undefined || counted.has(id));
    const places = placed.map(({ id, places: limit }) => ({ key: placesKey(id), limit, held: counted.begin(id, this.#own.held(id)) }));
    let reply: TakeReply;
    try {
      reply = await member.take(windows, places);
    } catch (thrown) {
      this.fall(member, thrown);
      return this.take(subjects, amount);
    } finally {
      for (const { id } of placed) counted.end(id);
    }
    this.#known.heardReply(windows, places, reply);
    if (reply.isSoon && patience > 0) {
      await this.#attendance.nextBeat;
      return this.member === member ? this.#takeShared(member, subjects, amount, patience - 1) : this.take(subjects, amount);
    }
    if (reply.isGranted) this.#latest.add(windows);
    return this.#taking(member, subjects, placed, amount, reply);
  }

  #taking(member: Member, subjects: readonly Subject[], placed: readonly Subject[], amount: number, reply: TakeReply): Taking {
    const windows = reply.windows.map(({ waitUs, remaining, emptyInUs }) => ({ waitMs: waitUs < 0 ? Infinity : waitUs / 1_000, remaining, emptyInMs: emptyInUs / 1_000 }));
    const isFull = new Map(placed.map(({ id }, at) => [id, reply.places[at]!.isFull]));
    const full = subjects.map(({ id }) => isFull.get(id) ?? false);
    if (!reply.isGranted) return { hold: undefined, windows, full };
    const limits = subjects.flatMap(({ windows: all }) => all);
    const buckets = reply.windows.filter((_, at) => limits[at]!.counts === 'amounts').map(({ bucket }) => bucket);
    // A subject whose places another taking has begun to count meanwhile is not counted for this one.
    const uncounted = subjects.filter((subject) => !placed.includes(subject) && this.#places.has(subject.id)).map(({ id }) => id);
    return { hold: new RedisHold(this.#own.note(subjects, amount), this, subjects, uncounted).charged(amount, member.generation, buckets), windows, full };
  }

  #takeAlone(subjects: readonly Subject[], amount: number): Taking {
    const { hold, windows, full, buckets } = this.#alone.take(subjects, amount);
    if (!hold) return { hold, windows, full };
    for (const { id, places } of subjects) if (places !== undefined) this.#places.limit(id);
    return { hold: new RedisHold(hold, this, subjects).charged(amount, this.#alone, buckets), windows, full };
  }

  #aloneNow(): AloneCounts {
    const fall = {
      atMs: this.#clock.monotonicMs(),
      heardMs: this.#attendance?.heardMs ?? -Infinity,
      count: this.#attendance?.count ?? 0,
      usedBefore: (key: string, windowMs: number) => this.#known.used(key, windowMs),
      heldBefore: this.#own.allHeld(),
    };
    return new AloneCounts(this.#own, fall, this.#terms, () => this.#clock.monotonicMs());
  }

  async #tell(member: Member, memory: Memory, fellMs: number): Promise<void> {
    const latest = memory === 'without the latest' ? this.#latest.report(fellMs) : [];
    const reported = (memory === 'none' ? this.#all() : [...latest, ...this.#alone.report()]).filter(({ uses }) => uses.length > 0);
    for (let from = 0; from < reported.length; from += TOLD_AT_ONCE) await member.report(reported.slice(from, from + TOLD_AT_ONCE));
  }

  /** All that this process let in, together with others or alone. */
  #all(): readonly Reported[] {
    const nowMs = this.#clock.monotonicMs();
    return [...this.#own.allWindows()].map(({ subjectId, name, window }) => reportOf(windowKey(subjectId, name), window, nowMs));
  }

  #arrive(member: Member, held: ReadonlyMap<string, number>): void {
    this.#places = new CountedPlaces(held.keys());
    this.#sendHistories(member);
  }

  #sendHistories(member: Member): void {
    void this.#histories.send(member).catch((thrown: unknown) => this.fall(member, thrown));
  }
}
