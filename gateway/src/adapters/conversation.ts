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
  /** Whoever waits for an answer. */
  #asked: PromiseWithResolvers<Response> | undefined;
  /** Nothing can be asked any more. */
  #isOver = false;
  /** It was over for us. */
  #isLeft = false;
  #isBegun = false;
  /** How it ended while nothing was asked. */
  #broken: { readonly thrown: unknown } | undefined;
  #onBroken: ((reason: ServiceError) => void) | undefined;

  constructor(open: (requests: AsyncIterable<Request>) => AsyncIterable<Response>, deadlines: AnswerDeadlines) {
    this.#deadlines = deadlines;
    this.#answers = open(this)[Symbol.asyncIterator]();
  }

  /** Throws what the other side failed with, and `deadline_exceeded` when it did not answer in time; nothing can be asked after it. */
  ask(request: Request, limitMs: number): Promise<Response> {
    if (this.#isOver) return Promise.reject(new ServiceError('cancelled', 'The conversation is over.'));
    const { promise } = (this.#asked = Promise.withResolvers<Response>());
    this.#request = request;
    this.#hand();
    this.#wait(limitMs);
    if (!this.#isBegun) this.#listen();
    this.#isBegun = true;
    return promise;
  }

  /** Tells once when the other side ends, now or before, while it is asked nothing. */
  onBroken(listener: (reason: ServiceError) => void): void {
    if (this.#broken) listener(reasonOf(this.#broken.thrown));
    else this.#onBroken = listener;
  }

  /** Nothing more is asked: the other side ends. */
  end(): void {
    this.#isLeft = true;
    if (this.#isOver) return;
    if (!this.#isBegun) return this.#leave();
    this.#isOver = true;
    this.#wanted?.(DONE);
    this.#wanted = undefined;
    // Whether and how the other side ends matters to nobody any more; that it does not for long is seen to.
    this.#asked = undefined;
    this.#wait(GOODBYE_LIMIT_MS);
  }

  late(): void {
    const asked = this.#asked;
    this.#asked = undefined;
    this.#leave();
    asked?.reject(new ServiceError('deadline_exceeded', 'The answer did not come in time.'));
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

  /** Always listens for what comes next, so that it is heard when the other side ends, also between two questions. */
  #listen(): void {
    this.#answers.next().then(
      (answer) => (answer.done ? this.#ended() : this.#answered(answer.value)),
      (thrown: unknown) => this.#ended(thrown),
    );
  }

  #answered(answer: Response): void {
    if (this.#isLeft) return;
    const asked = this.#asked;
    if (!asked) {
      this.#ended(new ServiceError('internal', 'The other side answered what nobody had asked.'));
      return this.#leave();
    }
    this.#asked = undefined;
    this.#deadlines.end(this);
    asked.resolve(answer);
    this.#listen();
  }

  #ended(thrown?: unknown): void {
    this.#deadlines.end(this);
    this.#isOver = true;
    if (this.#isLeft) return;
    if (this.#asked) this.#asked.reject(reasonOf(thrown));
    else {
      this.#broken = { thrown };
      if (this.#onBroken) this.#onBroken(reasonOf(thrown));
    }
    this.#asked = undefined;
  }

  #wait(limitMs: number): void {
    this.untilMs = this.#deadlines.nowMs() + limitMs;
    this.#deadlines.begin(this);
  }

  #leave(): void {
    this.#isOver = true;
    this.#isLeft = true;
    // Whoever waited was told already; how the other side takes it changes nothing.
    this.#answers.return?.().catch(() => undefined);
  }
}

/** Made for those alone who want to know: an error with its stack costs more than the rest of an end. */
function reasonOf(thrown: unknown): ServiceError {
  return thrown === undefined ? new ServiceError('cancelled', 'The other side has ended the conversation.') : ServiceError.from(thrown);
}
