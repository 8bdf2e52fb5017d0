/**
 * `npm run -s chaos`: kills, pauses and bad networks while clients call, and a comparison of everything that was counted.
 * `-- --long` does it for hours and with three brokers, `--only WORD` the faults with that word in their names, `--kills N` so many of each,
 * `--rate N` so many calls a second where the machine carries them, `--logs DIR` keeps the logs, `--json` prints JSON.
 */
import { parseArgs } from 'node:util';
import { openHouse } from './house/house.ts';
import { LONG, partsOf, SHORT } from './run/parts.ts';
import { reportText } from './run/report.ts';
import { runChaos } from './run/run-chaos.ts';

const RATE_PER_SECOND = 200;

const { values } = parseArgs({
  options: { long: { type: 'boolean', default: false }, only: { type: 'string' }, kills: { type: 'string' }, logs: { type: 'string' }, rate: { type: 'string', default: String(RATE_PER_SECOND) }, json: { type: 'boolean', default: false } },
});
const say = (text: string): void => void process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
const measure = { ...(values.long ? LONG : SHORT), ...(values.kills !== undefined && { kills: Number(values.kills) }) };
say('starting the servers and the mesh');
await using house = await openHouse({ threeBrokers: measure.threeBrokers, logs: values.logs });
const report = await runChaos({ house, parts: partsOf(house, measure, values.only), wantedPerSecond: Number(values.rate), everyText: values.long, lingerMs: measure.lingerMs, say });
process.stdout.write(`${values.json ? JSON.stringify(report, undefined, 2) : reportText(report)}\n`);
process.exitCode = report.ok ? 0 : 1;
