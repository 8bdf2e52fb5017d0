import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openHouse, type House } from './house/house.ts';
import { partsOf, SHORT } from './run/parts.ts';
import { runChaos, type ChaosReport } from './run/run-chaos.ts';

const RATE_PER_SECOND = 200;
/** What servers and mesh take to start on two cores that do nothing else: a machine that is busy with others gets longer. */
const START_MS = 25_000;
const LIMIT_MS = 900_000;

describe('a mesh whose parts are killed, paused and cut off while clients call', () => {
  let house: House;
  let report: ChaosReport;

  beforeAll(async () => {
    house = await openHouse();
    report = await runChaos({ house, parts: partsOf(house, SHORT), wantedPerSecond: RATE_PER_SECOND, everyText: false, slowness: Math.max(1, house.startMs / START_MS), say: () => undefined });
  }, LIMIT_MS);
  afterAll(async () => house[Symbol.asyncDispose](), LIMIT_MS);

  it('loses no record and no entry of the ledger and doubles none, holds nothing, and told no client what is not on record', () => {
    expect(report.checks.filter(({ ok }) => !ok)).toEqual([]);
    expect(report.checks.map(({ after }) => after)).toEqual(['kills of processes', 'kills of servers', 'pauses', 'bad networks']);
  });

  it('answers every call again within 10 s where a process was killed or woke, and within 30 s where a server was, on a machine that is not busy with others', () => {
    expect(report.trials.filter(({ ok }) => !ok)).toEqual([]);
  });

  it('gives up the calls of a process that was paused', () => {
    expect(report.checks.find(({ after }) => after === 'pauses')!.abandoned).toBeGreaterThan(0);
  });
});
