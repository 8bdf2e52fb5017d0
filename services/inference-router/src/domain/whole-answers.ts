import { ServiceError } from '@sluice/errors';

/** The cause of an `overloaded` that is this process's own, so that it says nothing of the deployment that was asked. */
export class OutOfRoom extends Error {
  override readonly name = 'OutOfRoom';
}

/**
 * What all answers together take that this process collects until they are whole. A stream goes on as it comes and is
 * paused when nobody takes it; an answer that is asked for whole can only be held, so all of one kind share one limit.
 */
export class WholeAnswers {
  readonly #limitBytes: number;
  readonly #advice: string;
  #heldBytes = 0;

  /** @param advice what helps whoever finds no room */
  constructor(limitBytes: number, advice = 'Try again shortly, or ask for a stream.') {
    this.#limitBytes = limitBytes;
    this.#advice = advice;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Room for one answer: none yet, more as its bytes come. Dispose of it when the answer has left or failed. */
  begin(): AnswerRoom {
    return new AnswerRoom((bytes) => this.#hold(bytes));
  }

  /** @throws overloaded when all would hold too much; then they hold no more than before */
  #hold(bytes: number): void {
    if (bytes > 0 && this.#heldBytes + bytes > this.#limitBytes) {
      throw new ServiceError('overloaded', `The server is collecting as many bytes of answers as it may. ${this.#advice}`, { cause: new OutOfRoom('The limit of bytes of whole answers is reached.') });
    }
    this.#heldBytes += bytes;
  }
}

/** The part of the room that one answer takes. */
export class AnswerRoom implements Disposable {
  readonly #hold: (bytes: number) => void;
  #bytes = 0;

  constructor(hold: (bytes: number) => void) {
    this.#hold = hold;
  }

  /** This many bytes more came. @throws overloaded */
  take(bytes: number): void {
    this.#hold(bytes);
    this.#bytes += bytes;
  }

  /** It is this many bytes in all, whatever was taken for it before. @throws overloaded */
  become(bytes: number): void {
    this.take(bytes - this.#bytes);
  }

  [Symbol.dispose](): void {
    this.#hold(-this.#bytes);
    this.#bytes = 0;
  }
}
