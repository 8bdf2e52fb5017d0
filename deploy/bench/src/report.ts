import type { Percentiles } from './percentiles.ts';
import type { Figures } from './scenarios.ts';
import { GOVERNED, UNGOVERNED } from './sluice-subject.ts';

const BASELINE = 'Fastify, JSON, key';
const round = (value: number, digits = 1) => value.toFixed(digits);

/** The figures as a table a person reads; a ratio stands against the Fastify baseline of the same run. */
export function report(figures: readonly Figures[], fdatasync: Percentiles): string {
  const lines = [`fdatasync of 8 KiB: p50 ${round(fdatasync.p50, 2)} ms, p99 ${round(fdatasync.p99, 2)} ms`, ''];
  for (const scenario of new Set(figures.map((row) => row.scenario))) {
    const rows = figures.filter((row) => row.scenario === scenario);
    const baseline = rows.find(({ subject }) => subject === BASELINE);
    lines.push(`## ${scenario}`, '', '| subject | answered | failed | CPU/request µs | CPU/chunk µs | ratio | p50 ms | p99 ms | first token p50 ms | transit p50 ms | transit p99 ms | memory MiB (10 s → end) |', '|---|---|---|---|---|---|---|---|---|---|---|---|');
    for (const row of rows) lines.push(`| ${cells(row, baseline).join(' | ')} |`);
    lines.push('', ...delays(rows, baseline));
  }
  return lines.join('\n');
}

/** How much longer a token was under way: what writing ahead adds to the baseline, and what the filter adds to that. */
function delays(rows: readonly Figures[], baseline: Figures | undefined): string[] {
  const [ungoverned, governed] = [UNGOVERNED, GOVERNED].map((name) => rows.find(({ subject }) => subject === name));
  if (!baseline || !ungoverned || ungoverned.load.chunks === 0) return [];
  const filter = governed ? [delay('filter', governed, ungoverned), ''] : [];
  return [delay('flush', ungoverned, baseline), '', ...filter];
}

function delay(by: string, longer: Figures, floor: Figures): string {
  const [own, under] = [longer.load.transitMs, floor.load.transitMs];
  return `Delay by ${by} (transit less the transit of ${floor.subject}): p50 ${round(own.p50 - under.p50, 2)} ms, p99 ${round(own.p99 - under.p99, 2)} ms`;
}

function cells(row: Figures, baseline: Figures | undefined): string[] {
  const { load } = row;
  const streamed = load.chunks > 0;
  const ratio = baseline && (streamed ? row.cpuPerChunkUs / baseline.cpuPerChunkUs : row.cpuPerRequestUs / baseline.cpuPerRequestUs);
  const failed = Object.entries(load.failures).map(([why, count]) => `${count} ${why}`).join(', ') || '0';
  return [
    row.subject, String(load.answered), failed, round(row.cpuPerRequestUs, 0), streamed ? round(row.cpuPerChunkUs) : '-',
    ratio === undefined ? '-' : round(ratio, 2), round(load.latencyMs.p50, 2), round(load.latencyMs.p99, 2),
    streamed ? round(load.firstTokenMs.p50, 2) : '-', streamed ? round(load.transitMs.p50, 2) : '-', streamed ? round(load.transitMs.p99, 2) : '-',
    `${round(row.memoryMiB.early, 0)} → ${round(row.memoryMiB.late, 0)}`,
  ];
}
