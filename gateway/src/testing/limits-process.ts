import { setTimeout as pause } from 'node:timers/promises';
import { systemClock, systemIds } from '@sluice/clock';
import { createPatientStore } from '@sluice/store/testing';
import { silentLogger } from '@sluice/telemetry';
import type { Principal } from '../domain/call.ts';
import type { Limits } from '../domain/limits/limits.ts';
import { RateLimitRefusal } from '../domain/limits/rate-limit-refusal.ts';
import { RateLimits, type Ticket } from '../domain/limits/rate-limits.ts';

/** What a test tells a process that keeps limits. */
export type Order =
  | { readonly kind: 'start'; readonly url: string; readonly limits: Readonly<Record<string, Limits>> }
  /** Asks from so many callers at once, each so often, for calls of some tokens; `paceMs` between two of one caller. */
  | { readonly kind: 'ask'; readonly keyId: string; readonly callers: number; readonly times: number; readonly tokens: number; readonly paceMs: number }
  /** Takes so many places and keeps them. */
  | { readonly kind: 'hold'; readonly keyId: string; readonly places: number };

/** One call that was let in: it held its place for this time at least, in nanoseconds of the machine's monotonic clock. */
export type Held = readonly [fromNs: bigint, tillNs: bigint];

export interface Answer {
  /** How many processes share, as this one knows. */
  readonly processes: number;
  readonly held: readonly Held[];
  readonly refused: number;
}

let limits: RateLimits | undefined;
let processes = (): number => 0;

async function start({ url, limits: known }: Extract<Order, { kind: 'start' }>): Promise<void> {
  const store = await createPatientStore({ url, clock: systemClock, ids: systemIds(systemClock), logger: silentLogger });
  limits = new RateLimits({ limits: (id) => known[id] }, store);
  processes = () => store.processes;
}

async function admit(keyId: string, tokens: number): Promise<Ticket | undefined> {
  const principal: Principal = { organisationId: 'org_1', projectId: 'proj_1', keyId, models: [], keepsBodies: true };
  try {
    return await limits!.admit(principal, tokens);
  } catch (thrown) {
    if (thrown instanceof RateLimitRefusal) return undefined;
    throw thrown;
  }
}

async function ask({ keyId, callers, times, tokens, paceMs }: Extract<Order, { kind: 'ask' }>): Promise<{ held: Held[]; refused: number }> {
  const held: Held[] = [];
  let refused = 0;
  await Promise.all(Array.from({ length: callers }, async (_, caller) => {
    for (let time = 0; time < times; time++) {
      const ticket = await admit(keyId, tokens);
      if (ticket) {
        const fromNs = process.hrtime.bigint();
        await pause((caller + time) % 3);
        held.push([fromNs, process.hrtime.bigint()]);
        ticket.end(tokens);
      } else refused++;
      if (paceMs > 0) await pause(paceMs);
    }
  }));
  return { held, refused };
}

async function hold({ keyId, places }: Extract<Order, { kind: 'hold' }>): Promise<{ held: Held[]; refused: number }> {
  const tickets = await Promise.all(Array.from({ length: places }, () => admit(keyId, 0)));
  const held = tickets.filter((ticket) => ticket !== undefined).map((): Held => [0n, 0n]);
  return { held, refused: places - held.length };
}

process.on('message', (order: Order) => {
  const done = order.kind === 'start' ? start(order) : order.kind === 'ask' ? ask(order) : hold(order);
  void done.then((result) => process.send!({ held: [], refused: 0, ...result, processes: processes() } satisfies Answer));
});
