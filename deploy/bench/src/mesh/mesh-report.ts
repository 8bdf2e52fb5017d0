import type { Percentiles } from '../percentiles.ts';
import type { Figures } from '../scenarios.ts';
import type { PinnedFront } from './pinned-front.ts';

const round = (value: number, digits = 1): string => value.toFixed(digits);

/** The figures as a table a person reads; what a platform adds stands against the bare upstream of the same run. */
export function meshReport(figures: readonly Figures[], pinned: readonly PinnedFront[], live: Percentiles | undefined): string {
  const lines: string[] = [];
  for (const scenario of new Set(figures.map((row) => row.scenario))) {
    const rows = figures.filter((row) => row.scenario === scenario);
    const bare = rows.find(({ subject }) => subject === 'bare upstream');
    lines.push(`## ${scenario}`, '', '| subject | requests/s | failed | CPU/request µs | p50 ms | p99 ms | added p99 ms | memory MiB |', '|---|---|---|---|---|---|---|---|');
    for (const { subject, load, cpuPerRequestUs, memoryMiB } of rows) {
      const failed = Object.values(load.failures).reduce((sum, count) => sum + count, 0);
      const added = bare ? round(load.latencyMs.p99 - bare.load.latencyMs.p99) : '-';
      lines.push(`| ${[subject, round((load.answered / load.durationMs) * 1000, 0), failed, round(cpuPerRequestUs, 0), round(load.latencyMs.p50), round(load.latencyMs.p99), added, round(memoryMiB.late, 0)].join(' | ')} |`);
    }
    lines.push('');
  }
  lines.push(...pinnedLines(pinned));
  if (live) lines.push(`A new alias is known to every process of the data plane ${round(live.p50, 0)} ms (p50), ${round(live.p99, 0)} ms (p99), ${round(live.max, 0)} ms (most) after the admin API answered.`);
  return lines.join('\n');
}

/** The process that takes calls with a core to itself, everything else on the others; the first row is what the others are measured against. */
function pinnedLines(rows: readonly PinnedFront[]): string[] {
  const [first] = rows;
  if (!first) return [];
  const rate = ({ load }: PinnedFront): number => (load.answered / load.durationMs) * 1000;
  const percent = (share: number): string => `${round(share * 100, 0)} %`;
  return [
    '## a core of its own', '', '| subject | requests/s | of the first | failed | CPU/request of the process µs | of the first | its core busy | the others busy |', '|---|---|---|---|---|---|---|---|',
    ...rows.map((row) => `| ${[row.subject, round(rate(row), 0), percent(rate(row) / rate(first)), Object.values(row.load.failures).reduce((sum, count) => sum + count, 0), round(row.cpuPerRequestUs, 0), percent(row.cpuPerRequestUs / first.cpuPerRequestUs), percent(row.busy.own), percent(row.busy.others)].join(' | ')} |`),
    '',
  ];
}
