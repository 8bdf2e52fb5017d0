import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openHouse, type House } from './house/house.ts';
import { lastWords } from './house/last-words.ts';
import { NETWORKS } from './run/faults.ts';
import { partsOf, SHORT } from './run/parts.ts';
import { reportText } from './run/report.ts';
import { runChaos, type ChaosReport } from './run/run-chaos.ts';

const RATE_PER_SECOND = 200;
/** A machine that carries fewer than that is too busy for limits of ten seconds to say anything of the platform. */
const LEAST_PER_SECOND = 100;
/** A machine from nothing brings the servers first. */
const LIMIT_MS = 1_500_000;

describe('a mesh whose parts are killed, paused and cut off while clients call', () => {
  let house: House;
  let report: ChaosReport;

  beforeAll(async () => {
    house = await openHouse({ threeBrokers: false });
    const said: string[] = [];
    const say = (text: string): void => void said.push(`${new Date().toISOString()} ${text}`);
    try {
      report = await runChaos({ house, parts: partsOf(house, SHORT), wantedPerSecond: RATE_PER_SECOND, everyText: false, lingerMs: SHORT.lingerMs, say });
    } finally {
      // The logs go with the house; what fails once in ten runs is understood from them or not at all.
      if (!(report as ChaosReport | undefined)?.ok) process.stderr.write(`${said.join('\n')}\n${lastWords(house.folder)}\n`);
    }
    // Also of a run in which everything held: its figures are what it is for.
    process.stderr.write(`${reportText(report)}\n`);
  }, LIMIT_MS);
  afterAll(async () => house?.[Symbol.asyncDispose](), LIMIT_MS);

  it('answers so many calls a second, and had every part killed twice, a pause, and every kind of bad network before Kafka', () => {
    expect(report.ratePerSecond).toBeGreaterThanOrEqual(LEAST_PER_SECOND);
    const faults = report.trials.map(({ fault }) => fault);
    const parts = [...Object.keys(house.platform.pids), ...house.servers.names];
    expect(faults.filter((fault) => fault.startsWith('kill ')).toSorted()).toEqual([...parts, ...parts].map((part) => `kill ${part}`).toSorted());
    for (const fault of ['pause data-plane', ...NETWORKS.map((kind) => `${kind} kafka`)]) expect(faults).toContainEqual(expect.stringContaining(fault));
  });

  it('loses no record and no entry of the ledger and doubles none, holds nothing, and told no client what is not on record', () => {
    expect(report.checks.filter(({ ok }) => !ok)).toEqual([]);
    expect(report.checks.map(({ after }) => after)).toEqual(['kills of processes', 'kills of servers', 'pauses', 'bad networks']);
  });

  it('answers every call again within 10 s where a process was killed or woke, and within 30 s where a server was', () => {
    expect(report.trials.filter(({ ok }) => !ok)).toEqual([]);
  });

  it('gives up the calls of a process that was paused', () => {
    expect(report.checks.find(({ after }) => after === 'pauses')!.abandoned).toBeGreaterThan(0);
  });
});
