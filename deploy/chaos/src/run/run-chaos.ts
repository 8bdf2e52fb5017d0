import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { MODELS } from '../house/tenant.ts';
import { eventually } from '../house/eventually.ts';
import type { House } from '../house/house.ts';
import { Clients } from '../load/clients.ts';
import { isFine, WRONG } from '../load/load-messages.ts';
import { carriedRate } from './carried-rate.ts';
import { check, type Check } from './check.ts';
import type { Fault } from './faults.ts';
import { recoveryOf, type Recovery } from './recovery.ts';

/** Faults after which everything is compared once. */
export interface Part {
  readonly name: string;
  readonly faults: readonly Fault[];
}

/** One fault and what came of it. */
export interface Trial extends Recovery {
  readonly fault: string;
  readonly limitMs: number;
  /** Of the server that was killed: until it answered again, which its own start takes. */
  readonly serverBackMs: number | undefined;
  /** Until every process said that it can do its work; undefined where that never came. */
  readonly readyMs: number | undefined;
  readonly ok: boolean;
}

export interface ChaosReport {
  readonly object: 'chaos_report';
  readonly ok: boolean;
  /** Calls a second that were wanted, and those that this machine carries while nothing is wrong. */
  readonly wantedPerSecond: number;
  readonly ratePerSecond: number;
  readonly durationMs: number;
  /** Calls that were due, and those of them that were not sent because too many were open. */
  readonly due: number;
  readonly skipped: number;
  readonly trials: readonly Trial[];
  readonly checks: readonly Check[];
}

export interface ChaosOptions {
  readonly house: House;
  readonly parts: readonly Part[];
  readonly wantedPerSecond: number;
  /** Every text is compared, instead of those that broke off and one in ten of the others. */
  readonly everyText: boolean;
  /** Clients go on for so long behind the last fault of each part. */
  readonly lingerMs: number;
  readonly say: (text: string) => void;
}

/** Before a fault the platform must have been well for so long, and after it too. */
const WELL_MS = 1_000;
const WELL_LIMIT_MS = 60_000;
/** Beyond the limit of a fault it is waited, so that the report says how long it took. */
const MARGIN_MS = 30_000;
const POLL_MS = 50;

/** Does one fault after the other while clients call. */
export async function runChaos({ house, parts, wantedPerSecond, everyText, lingerMs, say }: ChaosOptions): Promise<ChaosReport> {
  const startedMs = performance.now();
  await using clients = new Clients({ url: house.platform.ready.url, models: MODELS, keys: house.tenant.keys });
  const ratePerSecond = await carriedRate(clients, wantedPerSecond, join(house.folder, 'receipts-before.jsonl'));
  say(`${ratePerSecond} calls a second`);
  const [trials, checks]: [Trial[], Check[]] = [[], []];
  for (const [index, part] of parts.entries()) {
    const receiptsFile = join(house.folder, `receipts-${index}.jsonl`);
    await house.tenant.refill();
    const sinceMs = Date.now();
    clients.go(receiptsFile, ratePerSecond);
    const tried: Tried[] = [];
    for (const fault of part.faults) {
      await wellFor(clients, Date.now());
      say(fault.name);
      tried.push(await tryOne(house, clients, fault));
    }
    await pause(lingerMs);
    await clients.quiet();
    for (const [at, one] of tried.entries()) {
      trials.push(trialOf(one, recoveryOf(clients.outcomes, { ...one, endedMs: tried[at + 1]?.beganMs ?? Number.POSITIVE_INFINITY })));
    }
    say(`comparing everything after: ${part.name}`);
    checks.push(await check(house, { after: part.name, receiptsFile, sinceMs, everyText, wrongAnswers: clients.outcomes.filter(({ result }) => result === WRONG).length }));
  }
  const ok = trials.every((trial) => trial.ok) && checks.every((one) => one.ok);
  return { object: 'chaos_report', ok, wantedPerSecond, ratePerSecond, durationMs: performance.now() - startedMs, due: clients.due, skipped: clients.skipped, trials, checks };
}

interface Tried {
  readonly fault: Fault;
  readonly beganMs: number;
  /** From when its time counts. */
  readonly countedMs: number;
  readonly serverBackMs: number | undefined;
  readonly readyMs: number | undefined;
}

async function tryOne(house: House, clients: Clients, fault: Fault): Promise<Tried> {
  const pidsBefore = JSON.stringify(house.platform.pids);
  const beganMs = Date.now();
  fault.begin(house);
  await pause(fault.lastsMs);
  await fault.end(house);
  const endedMs = Date.now();
  const countedMs = fault.countedFrom === 'begin' ? beganMs : endedMs;
  const untilMs = Date.now() + fault.limitMs + MARGIN_MS;
  let readyAtMs: number | undefined;
  const isBack = (): boolean => !fault.replacesProcess || JSON.stringify(house.platform.pids) !== pidsBefore;
  while (Date.now() < untilMs) {
    if (!isBack() || !(await house.platform.isReady())) readyAtMs = undefined;
    else readyAtMs ??= Date.now();
    if (readyAtMs !== undefined && isWell(clients, Math.max(countedMs, readyAtMs))) break;
    await pause(POLL_MS);
  }
  const serverBackMs = fault.restoresServer ? endedMs - beganMs : undefined;
  return { fault, beganMs, countedMs, serverBackMs, readyMs: readyAtMs === undefined ? undefined : Math.max(0, readyAtMs - countedMs) };
}

/** Every call that has ended since was fine, for long enough. */
function isWell({ outcomes }: Clients, sinceMs: number): boolean {
  const lastBadMs = outcomes.reduce((latest, outcome) => (isFine(outcome) ? latest : Math.max(latest, outcome.endedMs)), sinceMs);
  return outcomes.some((outcome) => isFine(outcome) && outcome.endedMs >= lastBadMs + WELL_MS);
}

async function wellFor(clients: Clients, sinceMs: number): Promise<void> {
  await eventually('calls that are answered', WELL_LIMIT_MS, async () => isWell(clients, sinceMs)).catch((thrown: unknown) => {
    const results = Map.groupBy(clients.outcomes.filter(({ endedMs }) => endedMs >= sinceMs), ({ result }) => result);
    throw new Error(`the platform is not well: ${[...results].map(([result, of]) => `${result} ${of.length}`).join(', ')}`, { cause: thrown });
  });
}

function trialOf({ fault, serverBackMs, readyMs }: Tried, recovery: Recovery): Trial {
  const times = [readyMs, recovery.firstAnswerMs, recovery.allAnsweredMs];
  return { fault: fault.name, limitMs: fault.limitMs, serverBackMs, readyMs, ...recovery, ok: times.every((ms) => ms !== undefined && ms <= fault.limitMs) };
}
