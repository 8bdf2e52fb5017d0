import { printableLine } from './printable.ts';

/** Columns as wide as their widest cell, two blanks apart; control characters made visible. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [header, ...rows].map((row) => row.map(printableLine));
  const widths = header.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)));
  return lines.map((line) => line.map((cell, column) => cell.padEnd(widths[column]!)).join('  ').trimEnd()).join('\n');
}

/** A moment for people: `2026-11-22 17:04:05Z`; `-` for none (0). */
export function moment(ms: number): string {
  return ms === 0 ? '-' : new Date(ms).toISOString().replace('T', ' ').replace(/\.\d+Z$/, 'Z');
}
