const WIDTH = 28;
const MIB = 1024 * 1024;

/**
 * Progress of something counted in bytes: a bar that redraws its line on a terminal, a line at every quarter elsewhere.
 */
export class ProgressBar {
  readonly #label: string;
  readonly #out: NodeJS.WriteStream;
  #quarter = -1;
  #drawn = '';

  constructor(label: string, out: NodeJS.WriteStream = process.stderr) {
    this.#label = label;
    this.#out = out;
  }

  /** `totalBytes` is 0 while it is unknown. */
  update(doneBytes: number, totalBytes: number): void {
    const share = totalBytes > 0 ? Math.min(1, doneBytes / totalBytes) : 0;
    if (!this.#out.isTTY) return this.#quarterLine(share);
    const filled = Math.round(share * WIDTH);
    const amount = totalBytes > 0 ? `${mebibytes(doneBytes)} / ${mebibytes(totalBytes)} MiB` : `${mebibytes(doneBytes)} MiB`;
    const line = `${this.#label} [${'#'.repeat(filled)}${'.'.repeat(WIDTH - filled)}] ${amount}`;
    if (line === this.#drawn) return;
    this.#drawn = line;
    this.#out.write(`\r\x1b[K${line}`);
  }

  /** Leaves the bar as it is and goes to the next line. */
  end(): void {
    if (this.#drawn !== '') this.#out.write('\n');
    this.#drawn = '';
  }

  #quarterLine(share: number): void {
    const quarter = Math.floor(share * 4);
    if (quarter <= this.#quarter) return;
    this.#quarter = quarter;
    this.#out.write(`${this.#label} ${quarter * 25}%\n`);
  }
}

function mebibytes(bytes: number): string {
  return (bytes / MIB).toFixed(1);
}
