/** `zq` and the machine's monotonic clock in nanoseconds: the same clock in every process of one machine. */
export function stamp(): string {
  return `zq${process.hrtime.bigint().toString().padStart(16, '0')}`;
}

/** Milliseconds since each stamp in a text; a gateway may have cut and joined the tokens. */
export function* ages(text: string): Generator<number> {
  const now = process.hrtime.bigint();
  for (const match of text.matchAll(/zq(\d{16,})/g)) yield Number(now - BigInt(match[1]!)) / 1e6;
}
