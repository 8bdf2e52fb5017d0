/** The clients, a process of its own: so many calls a second whatever becomes of them, and a receipt for each answer. */
import { createWriteStream, type WriteStream } from 'node:fs';
import { once } from 'node:events';
import { Agent } from 'undici';
import type { CallOutcome, LoadOrder, LoadReport } from './load-messages.ts';
import { chatCall } from './chat-call.ts';
import { isTensorCall, tensorCall } from './tensor-call.ts';

/** Above it calls are not sent but counted: a platform that answers nothing must not take this process with it. */
const MAX_OPEN = 600;
const TICK_MS = 5;
const TELL_EVERY_MS = 200;
const POOR_EVERY = 10;

type Go = Extract<LoadOrder, { go: unknown }>['go'];

class Load {
  readonly #go: Go;
  readonly #dispatcher = new Agent({ connections: MAX_OPEN, pipelining: 1 });
  readonly #receipts: WriteStream;
  readonly #open = new Set<Promise<void>>();
  readonly #ticks: readonly NodeJS.Timeout[];
  #outcomes: CallOutcome[] = [];
  #ratePerSecond = 0;
  #lookedMs = performance.now();
  /** With the part of a call that is not due yet. */
  #dueExactly = 0;
  #due = 0;
  #skipped = 0;

  constructor(go: Go) {
    this.#go = go;
    this.#receipts = createWriteStream(go.receiptsFile, { flags: 'a' });
    this.#ticks = [setInterval(() => this.#sendDue(), TICK_MS), setInterval(() => this.#tell(), TELL_EVERY_MS)];
  }

  set ratePerSecond(rate: number) {
    this.#ratePerSecond = rate;
  }

  async quiet(): Promise<void> {
    this.#ticks.forEach((timer) => clearInterval(timer));
    await Promise.all(this.#open);
    this.#tell();
    this.#receipts.end();
    await once(this.#receipts, 'close');
    // A connection that hangs for ever must not keep this process from its next order.
    await this.#dispatcher.destroy();
    send({ quiet: { nextCall: this.#go.firstCall + this.#due, skipped: this.#skipped } });
  }

  #sendDue(): void {
    const nowMs = performance.now();
    this.#dueExactly += ((nowMs - this.#lookedMs) / 1000) * this.#ratePerSecond;
    this.#lookedMs = nowMs;
    for (; this.#due < Math.floor(this.#dueExactly); this.#due++) {
      if (this.#open.size >= MAX_OPEN) this.#skipped++;
      else this.#send(this.#go.firstCall + this.#due);
    }
  }

  #send(call: number): void {
    const { url, models, keys } = this.#go;
    const key = call % POOR_EVERY === 0 ? keys.poor : keys.rich;
    const to = { url, key, dispatcher: this.#dispatcher };
    const ended = isTensorCall(call) ? tensorCall({ ...to, model: models.tensors }, call) : chatCall({ ...to, model: models.chat }, call);
    const running = ended.then(({ outcome, receipt }) => {
      this.#open.delete(running);
      this.#outcomes.push(outcome);
      if (receipt) this.#receipts.write(`${JSON.stringify(receipt)}\n`);
    });
    this.#open.add(running);
  }

  #tell(): void {
    send({ outcomes: this.#outcomes, open: this.#open.size });
    this.#outcomes = [];
  }
}

function send(report: LoadReport): void {
  process.send!(report);
}

let load: Load | undefined;
process.on('message', (order: LoadOrder) => {
  if ('go' in order) load = new Load(order.go);
  else if ('ratePerSecond' in order) load!.ratePerSecond = order.ratePerSecond;
  else void load?.quiet();
});
process.on('disconnect', () => process.exit());
