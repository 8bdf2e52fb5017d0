import type { ChatEvent } from '@sluice/proto/chat/v1/chat';
import { WHOLE_ANSWER_LIMIT_BYTES } from '../../domain/limits.ts';
import type { AnswerRoom } from '../../domain/whole-answers.ts';
import type { AnswerReader } from './answer-reader.ts';
import { JoinedBytes } from './joined-bytes.ts';
import { SseParser } from './sse-parser.ts';
import { rubbish } from './upstream-error.ts';

/** The body of an answer, from bytes to events. Not a generator: on the hot path each one between costs as much as parsing. */
export interface AnswerBody {
  /** Events of the next bytes, in order; often none. */
  push(pieces: readonly Buffer[]): ChatEvent[];
  /** A fault that `push` found behind the events that it gave: they are part of the answer, however the network cut it. */
  readonly fault: unknown;
  /** True when nothing more belongs to the answer. */
  readonly isDone: boolean;
  /** The last events, at the end of the body or when it is done. Throws when the answer is not complete. */
  end(): ChatEvent[];
}

const DONE = '[DONE]';

/** A stream of server-sent events. */
export class StreamBody implements AnswerBody {
  readonly #answer: AnswerReader;
  readonly #parser: SseParser;
  #events: ChatEvent[] = [];
  fault: unknown;
  isDone = false;

  constructor(answer: AnswerReader) {
    this.#answer = answer;
    this.#parser = new SseParser((data, name) => this.#onEvent(data, name));
  }

  push(pieces: readonly Buffer[]): ChatEvent[] {
    try {
      for (const piece of pieces) if (!this.#parser.push(piece)) throw rubbish('an event is larger than allowed');
    } catch (thrown) {
      this.fault = thrown;
    }
    return this.#take();
  }

  end(): ChatEvent[] {
    // A stream may lack the blank line behind its last event, but half an event is a broken answer.
    if (!this.isDone && this.#parser.isInsideEvent) this.#parser.end();
    if (!this.isDone && !this.#answer.isFinished) throw rubbish('the stream ended before the answer was complete');
    this.#events.push(...this.#answer.end());
    return this.#take();
  }

  #onEvent(data: string, name: string): void {
    if (this.isDone || data === '') return;
    if (data === DONE) this.isDone = true;
    else for (const event of this.#answer.read(data, name)) this.#events.push(event);
  }

  #take(): ChatEvent[] {
    const events = this.#events;
    if (events.length > 0) this.#events = [];
    return events;
  }
}

/** One JSON text, held in the room that it is given. */
export class WholeBody implements AnswerBody {
  readonly #answer: AnswerReader;
  readonly #room: AnswerRoom;
  readonly #bytes = new JoinedBytes();
  fault: unknown;
  readonly isDone = false;

  constructor(answer: AnswerReader, room: AnswerRoom) {
    this.#answer = answer;
    this.#room = room;
  }

  push(pieces: readonly Buffer[]): ChatEvent[] {
    try {
      for (const piece of pieces) this.#hold(piece);
    } catch (thrown) {
      this.fault = thrown;
    }
    return [];
  }

  end(): ChatEvent[] {
    const json = this.#bytes.take().toString('utf8');
    return [...this.#answer.read(json), ...this.#answer.end()];
  }

  #hold(piece: Buffer): void {
    if (this.#bytes.length + piece.length > WHOLE_ANSWER_LIMIT_BYTES) throw rubbish('the answer is larger than allowed');
    this.#room.take(piece.length);
    this.#bytes.push(piece);
  }
}
