import type { ServiceError } from '@sluice/errors';
import type { Events } from '../../domain/call.ts';
import type { Sink } from '../../domain/ports.ts';
import type { SseWriter } from '../sse-writer.ts';
import { ChunkWriter, type ChunkFrame } from './chunks.ts';

/** The streamed answer of one call: what the flow releases, as server-sent events. */
export class ChatStream implements Sink {
  readonly #chunks: ChunkWriter;
  readonly #sse: SseWriter;

  constructor(frame: ChunkFrame, sse: SseWriter) {
    this.#chunks = new ChunkWriter(frame);
    this.#sse = sse;
  }

  /** True when the client has got or is about to get a status line: errors can no longer be told by status. */
  get started(): boolean {
    return this.#sse.started;
  }

  release(events: Events): void {
    this.#sse.write(this.#chunks.lines(events));
  }

  drained(): Promise<void> | undefined {
    return this.#sse.drained();
  }

  finish(): void {
    this.#sse.write(this.#chunks.ending());
    this.#sse.end();
  }

  fail(error: ServiceError): void {
    this.#sse.fail(error);
  }
}
