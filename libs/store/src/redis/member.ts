import type { Clock } from '@sluice/clock';
import type { Connection } from './connection.ts';
import { PRECEDE, REPORT } from './history.ts';
import { KEYS, placesKey, windowKey } from './keys.ts';
import { BEAT, JOIN, LEAVE, RECENT_US } from './membership.ts';
import { GRANTED, SETTLE, SOON, STRANGER, TAKE, type WindowReply } from './take.ts';
import type { Terms } from './terms.ts';

/** What a window is called in Redis, and how long it and its buckets are. */
export interface SharedWindow {
  readonly key: string;
  readonly windowMs: number;
  readonly bucketMs: number;
}

/** One window of a taking. */
export interface AskedWindow extends SharedWindow {
  readonly limit: number;
  readonly amount: number;
}

/** The places of one subject of a taking. */
export interface AskedPlaces {
  readonly key: string;
  readonly limit: number | undefined;
  /** What this process holds there, when it has not said so yet. */
  readonly held: number | undefined;
}

export interface TakeReply {
  readonly isGranted: boolean;
  /** It was refused for what the others may let in by themselves as long as they have not heard what was used; they will have in a moment. */
  readonly isSoon: boolean;
  readonly windows: readonly WindowReply[];
  readonly places: readonly { readonly isFull: boolean; readonly held: number }[];
}

/** Something that was used of a window some time ago. */
export interface Reported extends SharedWindow {
  readonly uses: readonly { readonly agoMs: number; readonly amount: number }[];
}

/** Another one of those that share the limits. */
export interface Peer {
  readonly name: string;
  /** Among how many it believes to share. */
  readonly count: number;
  /** False of one that is silent: it may be letting calls in by itself. */
  readonly isMember: boolean;
}

export interface Heard {
  /** When it was asked: it is known what was used until then. */
  readonly askedMs: number;
  readonly peers: readonly Peer[];
  /** Among how many it shares, the silent ones and itself included. */
  readonly count: number;
  /** True when all others have heard of this member: what they may let in by themselves leaves room for what it may. */
  readonly isKnown: boolean;
  /** Windows and places that were used since the last time, and how far. */
  readonly used: readonly (readonly [key: string, used: number])[];
  /** Of what was used since then nothing is missing; -Infinity: since the last time. */
  readonly completeSinceMs: number;
}

/** Who was here before under another name, and comes in anew. */
export interface Return {
  readonly name: string;
  readonly peers: readonly Peer[];
  /** Redis has not all that it was told. */
  readonly isLost: boolean;
}

/** Which server this is, and which data it has. */
export interface Server {
  /** Another one since it was started anew, or when another server took its place. */
  readonly run: string;
  /** Undefined where there are no data. */
  readonly generation: string | undefined;
}

/** This process among those that share, on one connection: when that fails, it is a member no more. */
export class Member {
  readonly name: string;
  readonly #connection: Connection;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #terms: Terms;
  /** Names the data of the server. */
  generation = '';
  /** How far the clock of the server is ahead of this process' monotonic one, at most: an answer was made after it was asked for. */
  #aheadMs = Infinity;
  #heardUs = 0;
  #joinedEra = 0;
  /** The last era of which it has heard that it began. */
  #era = 0;
  /** Among how many it shares, as it last heard. */
  #count = 0;

  constructor(name: string, connection: Connection, clock: Pick<Clock, 'monotonicMs'>, terms: Terms) {
    this.name = name;
    this.#clock = clock;
    this.#connection = connection;
    this.#terms = terms;
  }

  /** Gets the connection ready, and returns what server this is. */
  async prepare(): Promise<Server> {
    await Promise.all([JOIN, REPORT, TAKE, SETTLE, PRECEDE, BEAT, LEAVE].map((script) => script.load(this.#connection)));
    await this.readTime();
    const info = String(await this.#connection.send(['INFO', 'server']));
    const generation = (await this.#connection.send(['GET', KEYS.generation])) as string | null;
    return { run: /^run_id:(\w+)/m.exec(info)?.[1] ?? '', generation: generation ?? undefined };
  }

  async readTime(): Promise<void> {
    const askedMs = this.#clock.monotonicMs();
    const [seconds, us] = (await this.#connection.send(['TIME'])) as [string, string];
    this.#setTime(Number(seconds) * 1_000 + Number(us) / 1_000, askedMs);
  }

  async report(windows: readonly Reported[]): Promise<void> {
    const args = windows.flatMap(({ windowMs, bucketMs, uses }) => [us(windowMs), us(bucketMs), uses.length, ...pairs(uses)]);
    await REPORT.run(this.#connection, windows.map(({ key }) => key), [this.#now(), ...args]);
  }

  /** @param held how many places of each of these subjects it holds already */
  async join(before: Return | undefined, held: ReadonlyMap<string, number>): Promise<void> {
    const others = before?.peers ?? [];
    const args = [this.#now(), this.name, this.#awaitedTill(), before?.name ?? '', before?.isLost ? 1 : 0, others.length, ...others.flatMap(({ name, count, isMember }) => [name, count, isMember ? 1 : 0])];
    const [generation, era] = this.#accepted(await JOIN.run(this.#connection, [...held.keys()].map(placesKey), [...args, ...held.values()]));
    this.generation = String(generation);
    this.#joinedEra = this.#era = Number(era);
  }

  async take(windows: readonly AskedWindow[], places: readonly AskedPlaces[]): Promise<TakeReply> {
    const keys = [...windows.map(({ key }) => key), ...places.map(({ key }) => key)];
    const args = windows.flatMap(({ limit, amount, windowMs, bucketMs }) => [limit, amount, us(windowMs), us(bucketMs)]);
    const reply = await TAKE.run(this.#connection, keys, [...this.#credentials(), us(this.#terms.aloneMs), windows.length, ...args, ...places.flatMap(({ limit, held }) => [limit ?? -1, held ?? ''])]);
    const [outcome, ...numbers] = this.#accepted(reply).map(Number);
    const states = windows.map((_, at): WindowReply => {
      const [waitUs, remaining, emptyInUs, used, bucket] = numbers.slice(at * 5, at * 5 + 5) as [number, number, number, number, number];
      return { waitUs, remaining, emptyInUs, used, bucket };
    });
    const rest = numbers.slice(windows.length * 5);
    return { isGranted: outcome === GRANTED, isSoon: outcome === SOON, windows: states, places: places.map((_, at) => ({ isFull: rest[at * 2] === 1, held: rest[at * 2 + 1]! })) };
  }

  /** Puts right what was used, and gives places back. Returns of each window the bucket in which was counted. */
  async settle(windows: readonly (SharedWindow & { readonly bucket: number; readonly difference: number })[], subjectIds: readonly string[]): Promise<readonly number[]> {
    const args = windows.flatMap(({ windowMs, bucketMs, bucket, difference }) => [us(windowMs), us(bucketMs), bucket, difference]);
    const keys = [...windows.map(({ key }) => key), ...subjectIds.map(placesKey)];
    return this.#accepted(await SETTLE.run(this.#connection, keys, [...this.#credentials(), windows.length, ...args])).map(Number);
  }

  async precede({ key, windowMs, bucketMs, uses }: Reported): Promise<void> {
    await PRECEDE.run(this.#connection, [key], [this.#now(), us(windowMs), us(bucketMs), ...pairs(uses)]);
  }

  /** A sign of life, and another one at once where that lets an era end: the others wait for it. */
  async beat(): Promise<Heard> {
    const era = this.#era;
    const heard = await this.#beatOnce();
    if (this.#era === era) return heard;
    const again = await this.#beatOnce();
    return { ...again, used: [...heard.used, ...again.used], completeSinceMs: Math.max(heard.completeSinceMs, again.completeSinceMs) };
  }

  async #beatOnce(): Promise<Heard> {
    const askedMs = this.#clock.monotonicMs();
    const args = [...this.#credentials(), us(this.#terms.aloneMs), this.#heardUs, this.#era, this.#count];
    const [nowUs, era, count, others, used, firstUs] = this.#accepted(await BEAT.run(this.#connection, [], args)) as [number, number, number, (string | number)[], (string | number)[], number];
    const fromUs = firstUs > 0 ? firstUs : this.#heardUs === 0 ? nowUs - RECENT_US : undefined;
    const completeSinceMs = fromUs === undefined ? -Infinity : this.#clock.monotonicMs() - (nowUs - fromUs) / 1_000;
    this.#heardUs = nowUs;
    this.#era = era;
    this.#count = count;
    this.#setTime(nowUs / 1_000, askedMs);
    const peers = Array.from({ length: others.length / 3 }, (_, at): Peer => ({ name: String(others[at * 3]), count: Number(others[at * 3 + 1]), isMember: others[at * 3 + 2] === 1 }));
    // The era after the one in which it came began when all had heard something behind the beginning of that; the next, behind its coming.
    return { askedMs, peers, count, isKnown: era >= this.#joinedEra + 2, used: couples(used), completeSinceMs };
  }

  async leave(): Promise<void> {
    await LEAVE.run(this.#connection, [], [this.#now(), this.name]);
  }

  close(): void {
    this.#connection.close();
  }

  #credentials(): readonly (string | number)[] {
    return [this.#now(), this.name, us(this.#terms.leaseMs), this.#awaitedTill()];
  }

  #setTime(serverMs: number, askedMs: number): void {
    this.#aheadMs = Math.min(this.#aheadMs, (this.#terms.nowMs?.() ?? serverMs) - askedMs);
  }

  /** By the clock of the server. */
  #awaitedTill(): number {
    return us(this.#clock.monotonicMs() + this.#aheadMs + this.#terms.answerLimitMs);
  }

  #now(): string {
    const { nowMs } = this.#terms;
    return nowMs ? String(us(nowMs())) : '';
  }

  #accepted(reply: readonly unknown[]): readonly unknown[] {
    if (reply.length === 1 && reply[0] === STRANGER) throw new Error('an answer came too late: Redis, this process or the way between them is busy');
    return reply;
  }
}

export function sharedWindow(subjectId: string, { name, windowMs, bucketMs }: { readonly name: string; readonly windowMs: number; readonly bucketMs: number }): SharedWindow {
  return { key: windowKey(subjectId, name), windowMs, bucketMs };
}

function us(ms: number): number {
  return Math.round(ms * 1_000);
}

function pairs(uses: Reported['uses']): readonly number[] {
  return uses.flatMap(({ agoMs, amount }) => [us(agoMs), amount]);
}

function couples(list: readonly (string | number)[]): readonly (readonly [string, number])[] {
  return Array.from({ length: list.length / 2 }, (_, at) => [String(list[at * 2]), Number(list[at * 2 + 1])]);
}
