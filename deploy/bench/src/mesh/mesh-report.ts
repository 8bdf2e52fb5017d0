import type { Percentiles } from '../percentiles.ts';
import type { Figures } from '../scenarios.ts';

const round = (value: number, digits = 1): string => value.toFixed(digits);

/** The figures as a table a person reads; what a platform adds stands against the bare upstream of the same run. */
export function meshReport(figures: readonly Figures[], live: Percentiles | undefined): string {
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
  if (live) lines.push(`A new alias is known to every process of the data plane ${round(live.p50, 0)} ms (p50), ${round(live.p99, 0)} ms (p99), ${round(live.max, 0)} ms (most) after the admin API answered.`);
  return lines.join('\n');
}
