import type { Clock } from '@sluice/clock';
import type { Connection } from './connection.ts';
import { PRECEDE, REPORT } from './history.ts';
import { KEYS, placesKey, windowKey } from './keys.ts';
import { BEAT, JOIN, LEAVE } from './membership.ts';
import type { Standing } from './share.ts';
import { SETTLE, STRANGER, TAKE, type WindowReply } from './take.ts';

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
  readonly windows: readonly WindowReply[];
  readonly places: readonly { readonly isFull: boolean; readonly held: number }[];
}

/** Something that was used of a window some time ago. */
export interface Reported extends SharedWindow {
  readonly uses: readonly { readonly agoMs: number; readonly amount: number }[];
}

/** One that shares, when it was last heard, and its standing. */
export interface Peer extends Standing {
  readonly name: string;
}

export interface Heard {
  readonly peers: readonly Peer[];
  /** True when everybody else has been heard since this member came: they know that it is there. */
  readonly isKnown: boolean;
  /** Windows and places that were used since the last time, and how far. */
  readonly used: readonly (readonly [key: string, used: number])[];
}

/** Who was here before under another name, and comes in anew. */
export interface Return {
  readonly name: string;
  readonly peers: readonly Peer[];
  /** Since it was seen that Redis does not answer. */
  readonly awayMs: number;
}

/** Which server this is, and which data it has. */
export interface Server {
  /** Another one since it was started anew, or when another server took its place. */
  readonly run: string;
  /** Undefined where there are no data. */
  readonly generation: string | undefined;
}

/** What membership rests on. */
export interface Terms {
  /** What Redis has not answered by then is given up, and not carried out later. */
  readonly answerLimitMs: number;
  /** How often a member gives a sign of life. */
  readonly beatMs: number;
  /** A member that gives no sign of life for so long is one no more, and its places are free. */
  readonly leaseMs: number;
  /** For so long the share of who may be letting calls in by itself is held back. */
  readonly holdBackMs: number;
  /** Milliseconds of a clock that all members share; undefined: the server's. */
  readonly nowMs: (() => number) | undefined;
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
  #joinedUs = 0;
  #heardUs = 0;

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
    const others = before?.peers.flatMap(({ name, count, rank }) => (name === before.name ? [] : [name, count, rank])) ?? [];
    const keys = [KEYS.members, KEYS.joined, KEYS.sequence, KEYS.missing, KEYS.gone, KEYS.generation, ...[...held.keys()].map(placesKey)];
    const [generation, nowUs] = this.#accepted(await JOIN.run(this.#connection, keys, [this.#now(), this.name, this.#awaitedTill(), before?.name ?? '', us(before?.awayMs ?? 0), us(this.#terms.holdBackMs), ...others, ...held.values()]));
    this.generation = String(generation);
    this.#joinedUs = Number(nowUs);
  }

  async take(windows: readonly AskedWindow[], places: readonly AskedPlaces[]): Promise<TakeReply> {
    const keys = [KEYS.members, KEYS.missing, KEYS.recent, ...windows.map(({ key }) => key), ...places.map(({ key }) => key)];
    const args = windows.flatMap(({ limit, amount, windowMs, bucketMs }) => [limit, amount, us(windowMs), us(bucketMs)]);
    const reply = await TAKE.run(this.#connection, keys, [...this.#credentials(), windows.length, ...args, ...places.flatMap(({ limit, held }) => [limit ?? -1, held ?? ''])]);
    const [granted, ...numbers] = this.#accepted(reply).map(Number);
    const states = windows.map((_, at): WindowReply => {
      const [waitUs, remaining, emptyInUs, used, bucket] = numbers.slice(at * 5, at * 5 + 5) as [number, number, number, number, number];
      return { waitUs, remaining, emptyInUs, used, bucket };
    });
    const rest = numbers.slice(windows.length * 5);
    return { isGranted: granted === 1, windows: states, places: places.map((_, at) => ({ isFull: rest[at * 2] === 1, held: rest[at * 2 + 1]! })) };
  }

  /** Puts right what was used, and gives places back. Returns of each window the bucket in which was counted. */
  async settle(windows: readonly (SharedWindow & { readonly bucket: number; readonly difference: number })[], subjectIds: readonly string[]): Promise<readonly number[]> {
    const args = windows.flatMap(({ windowMs, bucketMs, bucket, difference }) => [us(windowMs), us(bucketMs), bucket, difference]);
    const keys = [KEYS.members, KEYS.recent, ...windows.map(({ key }) => key), ...subjectIds.map(placesKey)];
    return this.#accepted(await SETTLE.run(this.#connection, keys, [...this.#credentials(), windows.length, ...args])).map(Number);
  }

  async precede({ key, windowMs, bucketMs, uses }: Reported): Promise<void> {
    await PRECEDE.run(this.#connection, [key], [this.#now(), us(windowMs), us(bucketMs), ...pairs(uses)]);
  }

  async beat(): Promise<Heard> {
    const askedMs = this.#clock.monotonicMs();
    const keys = [KEYS.members, KEYS.joined, KEYS.sequence, KEYS.missing, KEYS.gone, KEYS.generation, KEYS.recent];
    const [nowUs, heard, used] = this.#accepted(await BEAT.run(this.#connection, keys, [...this.#credentials(), this.#heardUs])) as [number, (string | number)[], (string | number)[]];
    this.#heardUs = nowUs;
    this.#setTime(nowUs / 1_000, askedMs);
    const seen = couples(heard);
    const peers = seen.map(([name], rank) => ({ name, rank, count: seen.length }));
    return { peers, isKnown: seen.every(([, lastUs]) => lastUs >= this.#joinedUs), used: couples(used) };
  }

  async leave(): Promise<void> {
    await LEAVE.run(this.#connection, [KEYS.members, KEYS.joined, KEYS.gone], [this.#now(), this.name]);
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
    if (reply.length === 1 && reply[0] === STRANGER) throw new Error('Redis takes nothing of this process: it heard it too late');
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
