const SECOND_MS = 1_000;
/** Where lines stay, one now and then is enough. */
const SECONDS_BETWEEN_LINES = 30;

/** Says what is waited for and since when: a line that is drawn again every second on a terminal, now and then a line elsewhere. Nothing within the first second. */
export class WaitingLine implements Disposable {
  readonly #out: NodeJS.WriteStream;
  readonly #timer: NodeJS.Timeout;
  #seconds = 0;

  constructor(text: string, out: NodeJS.WriteStream = process.stderr) {
    this.#out = out;
    this.#timer = setInterval(() => {
      const line = `${text} (${++this.#seconds} s)`;
      if (out.isTTY) out.write(`\r\x1b[K${line}`);
      else if (this.#seconds % SECONDS_BETWEEN_LINES === 1) out.write(`${line}\n`);
    }, SECOND_MS);
    this.#timer.unref();
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    if (this.#out.isTTY && this.#seconds > 0) this.#out.write('\r\x1b[K');
  }
}
