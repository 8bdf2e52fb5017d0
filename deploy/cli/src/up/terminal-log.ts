import type { Clock } from '@sluice/clock';
import { z } from 'zod';
import { printable } from '../terminal/printable.ts';

const code = z.union([z.string(), z.number()]);
const logLine = z.looseObject({
  level: z.string(), msg: z.string(), reason: z.string().optional(), code: code.optional(),
  error: z.looseObject({ name: z.string(), code: code.optional(), message: z.string().optional() }).optional(),
});
type LogLine = z.infer<typeof logLine>;
const LOUD = /"level":"(warn|error)"/;
/** What is said over and over is on the terminal once in this time; the log file has every line. */
const AGAIN_AFTER_MS = 60_000;
/** Texts that are remembered; with more of them at once nobody reads them one by one. */
const MOST_TEXTS = 200;

/** Lets warnings and errors through to the terminal, in words and with their cause; everything else is in the log file. */
export class TerminalLog {
  readonly #out: { write(text: string): unknown };
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  readonly #saidAtMs = new Map<string, number>();

  constructor(out: { write(text: string): unknown }, clock: Pick<Clock, 'monotonicMs'>) {
    this.#out = out;
    this.#clock = clock;
  }

  /** @param who said it, where several do */
  show(line: string, who?: string): void {
    if (!LOUD.test(line)) return;
    const said = parsed(line);
    if (said === undefined) return;
    const { level, msg } = said;
    const cause = causeOf(said);
    const text = printable(`${who === undefined ? '' : `${who}: `}${level}: ${msg}${cause === undefined ? '' : ` (${cause})`}`);
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - (this.#saidAtMs.get(text) ?? -Infinity) < AGAIN_AFTER_MS) return;
    if (this.#saidAtMs.size >= MOST_TEXTS) this.#saidAtMs.clear();
    this.#saidAtMs.set(text, nowMs);
    this.#out.write(`${text}\n`);
  }
}

/** Undefined for what is no line of a log, as where a process was killed while it wrote one: that is in the log file only. */
function parsed(line: string): LogLine | undefined {
  try {
    return logLine.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

function causeOf({ reason, code: said, error }: LogLine): string | undefined {
  const cause = reason ?? error?.message ?? said ?? error?.code ?? error?.name;
  return cause === undefined ? undefined : String(cause);
}
