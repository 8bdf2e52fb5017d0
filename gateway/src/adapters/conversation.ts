import { ServiceError } from '@sluice/errors';
import type { AnswerDeadlines, Waiting } from './answer-deadlines.ts';

const DONE = Object.freeze({ done: true as const, value: undefined });

/** How long the other side has to end a conversation that is over. */
const GOODBYE_LIMIT_MS = 2_000;

/** A bidirectional rpc in which each request is answered by exactly one response, in order, and asked one at a time. */
export class Conversation<Request, Response> implements AsyncIterableIterator<Request, undefined>, Waiting {
  readonly #deadlines: AnswerDeadlines;
  readonly #answers: AsyncIterator<Response>;
  untilMs = Infinity;
  #request: Request | undefined;
  /** The other side waits for a request. */
  #wanted: ((result: IteratorResult<Request, undefined>) => void) | undefined;
  #reject: ((reason: ServiceError) => void) | undefined;
  #isOver = false;
  #isBegun = false;

  constructor(open: (requests: AsyncIterable<Request>) => AsyncIterable<Response>, deadlines: AnswerDeadlines) {
    this.#deadlines = deadlines;
    this.#answers = open(this)[Symbol.asyncIterator]();
  }

  /** Throws what the other side failed with, and `deadline_exceeded` when it did not answer in time; nothing can be asked after it. */
  ask(request: Request, limitMs: number): Promise<Response> {
    if (this.#isOver) return Promise.reject(new ServiceError('cancelled', 'The conversation is over.'));
    this.#isBegun = true;
    this.#request = request;
    this.#hand();
    return this.#answer(limitMs);
  }

  /** Nothing more is asked: the other side ends. */
  end(): void {
    if (this.#isOver) return;
    if (!this.#isBegun) return this.#leave();
    this.#isOver = true;
    this.#wanted?.(DONE);
    this.#wanted = undefined;
    // Whether and how the other side ends matters to nobody any more; that it does not for long is seen to.
    this.#reject = undefined;
    this.#wait(GOODBYE_LIMIT_MS);
    const ended = (): void => this.#deadlines.end(this);
    this.#answers.next().then(ended, ended);
  }

  late(): void {
    this.#reject?.(new ServiceError('deadline_exceeded', 'The answer did not come in time.'));
    this.#leave();
  }

  /** The next request; asked for by the other side. */
  next(): Promise<IteratorResult<Request, undefined>> {
    const { promise, resolve } = Promise.withResolvers<IteratorResult<Request, undefined>>();
    this.#wanted = resolve;
    this.#hand();
    return promise;
  }

  /** The other side wants no more requests. */
  return(): Promise<IteratorResult<Request, undefined>> {
    this.#isOver = true;
    return Promise.resolve(DONE);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #hand(): void {
    const wanted = this.#wanted;
    if (!wanted || (this.#request === undefined && !this.#isOver)) return;
    this.#wanted = undefined;
    wanted(this.#request === undefined ? DONE : { done: false, value: this.#request });
    this.#request = undefined;
  }

  #answer(limitMs: number): Promise<Response> {
    return new Promise((resolve, reject) => {
      this.#reject = reject;
      this.#wait(limitMs);
      this.#answers.next().then(
        (answer) => {
          this.#deadlines.end(this);
          if (!answer.done) return resolve(answer.value);
          this.#isOver = true;
          reject(new ServiceError('cancelled', 'The other side has ended the conversation.'));
        },
        (thrown: unknown) => {
          this.#deadlines.end(this);
          this.#isOver = true;
          reject(ServiceError.from(thrown));
        },
      );
    });
  }

  #wait(limitMs: number): void {
    this.untilMs = this.#deadlines.nowMs() + limitMs;
    this.#deadlines.begin(this);
  }

  #leave(): void {
    this.#isOver = true;
    // Whoever waited was told already; how the other side takes it changes nothing.
    this.#answers.return?.().catch(() => undefined);
  }
}
