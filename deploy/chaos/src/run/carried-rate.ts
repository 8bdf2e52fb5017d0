import { setTimeout as pause } from 'node:timers/promises';
import type { Clients } from '../load/clients.ts';

const STEPS = [1 / 8, 1 / 4, 1 / 2, 1];
const STEP_MS = 2_500;
/** Answers take 0.3 s on average while nothing waits; with more than that many calls open for each one a second, they pile up. */
const OPEN_FOR_MS = 800;

/** The most calls a second, up to those wanted, that the machine carries while nothing is wrong. The clients are quiet again then. */
export async function carriedRate(clients: Clients, wantedPerSecond: number, receiptsFile: string): Promise<number> {
  let carried = Math.ceil(wantedPerSecond * STEPS[0]!);
  clients.go(receiptsFile, carried);
  for (const step of STEPS) {
    const rate = Math.ceil(wantedPerSecond * step);
    clients.setRate(rate);
    await pause(STEP_MS);
    if (clients.open > (rate * OPEN_FOR_MS) / 1000) break;
    carried = rate;
  }
  await clients.quiet();
  return carried;
}
