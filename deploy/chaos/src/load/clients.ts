import type { ChildProcess } from 'node:child_process';
import type { CallOutcome, LoadOrder, LoadReport } from './load-messages.ts';
import { endScript, startScript } from './script-process.ts';

/** Where the calls go and with what. */
export type Target = Pick<Extract<LoadOrder, { go: unknown }>['go'], 'url' | 'models' | 'keys'>;

/** The clients of a run, as the harness drives them. */
export class Clients implements AsyncDisposable {
  /** Of the present stretch of load, as they became known. */
  outcomes: CallOutcome[] = [];
  /** Calls under way, as was told last. */
  open = 0;
  /** Calls of the whole run that were due and not sent. */
  skipped = 0;
  /** Calls of the whole run that were due. */
  due = 0;
  readonly #child: ChildProcess;
  readonly #target: Target;
  #onQuiet: (() => void) | undefined;

  constructor(target: Target) {
    this.#target = target;
    this.#child = startScript('./load.ts');
    this.#child.on('message', (report: LoadReport) => this.#heard(report));
  }

  /** Begins a stretch of load whose receipts go to this file. */
  go(receiptsFile: string, ratePerSecond: number): void {
    this.outcomes = [];
    this.#tell({ go: { ...this.#target, firstCall: this.due, receiptsFile } });
    this.setRate(ratePerSecond);
  }

  setRate(ratePerSecond: number): void {
    this.#tell({ ratePerSecond });
  }

  /** Ends the stretch; resolves when every call has ended and every receipt is written. */
  async quiet(): Promise<void> {
    const quiet = new Promise<void>((resolve, reject) => {
      this.#onQuiet = resolve;
      this.#child.once('exit', () => reject(new Error('the clients ended')));
    });
    this.#tell({ quiet: true });
    await quiet;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await endScript(this.#child);
  }

  #tell(order: LoadOrder): void {
    this.#child.send(order);
  }

  #heard(report: LoadReport): void {
    if ('outcomes' in report) {
      this.open = report.open;
      return void this.outcomes.push(...report.outcomes);
    }
    this.due = report.quiet.nextCall;
    this.skipped += report.quiet.skipped;
    this.#onQuiet?.();
  }
}
