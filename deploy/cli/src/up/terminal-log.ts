import { z } from 'zod';
import { printable } from '../terminal/printable.ts';

const logLine = z.looseObject({ level: z.string(), msg: z.string(), reason: z.string().optional() });
const LOUD = /"level":"(warn|error)"/;

/** Lets warnings and errors through to the terminal, in words; everything else is in the log file. */
export function showLoudLine(line: string, out: { write(text: string): unknown }): void {
  if (!LOUD.test(line)) return;
  const parsed = logLine.safeParse(JSON.parse(line));
  if (parsed.success) out.write(`${parsed.data.level}: ${printable([parsed.data.msg, parsed.data.reason].filter(Boolean).join(' '))}\n`);
}
