import type { Readable } from 'node:stream';
import type { Clock } from '@sluice/clock';
import { ServiceError } from '@sluice/errors';
import { UploadPace } from '../domain/upload-pace.ts';

/** How often bodies that are still arriving are looked at: one timer for all of them, and none while there are none. */
export const LOOK_EVERY_MS = 1_000;

/** What a piece of a body takes beside its bytes, as measured: the buffer's own objects. A body may come in as many pieces as it has bytes. */
export const PIECE_BYTES = 640;

/** Who reads a body. */
export interface BodyOwner {
  /** Ends the reading; its reason is a ServiceError. */
  readonly signal: AbortSignal;
  /** Takes room for this much more; less, when negative. Throws `overloaded` when there is none. */
  hold(bytes: number): void;
}

/** Called once. */
type Done = (error: ServiceError | null, body?: Buffer) => void;

/** Bodies on their way in. What a client announces counts for nothing: bytes take room when they arrive, and not for long unless the others follow. */
export class Uploads {
  readonly #clock: Clock;
  readonly #limitBytes: number;
  readonly #open = new Set<Upload>();
  #isWatching = false;

  constructor(clock: Clock, limitBytes: number) {
    this.#clock = clock;
    this.#limitBytes = limitBytes;
  }

  /**
   * Reads a body. What the owner holds for it stays with the owner; when it fails, everything is given back.
   * Errors: request_too_large, overloaded, request_timeout, cancelled, and the reason of the owner's signal.
   */
  read(body: Readable, announcedBytes: number | undefined, owner: BodyOwner, done: Done): void {
    if (announcedBytes !== undefined && announcedBytes > this.#limitBytes) return done(tooLarge(this.#limitBytes));
    const upload: Upload = new Upload(body, this.#limitBytes, owner, (error, bytes) => {
      this.#open.delete(upload);
      done(error, bytes);
    });
    this.#open.add(upload);
    this.#watch();
  }

  #watch(): void {
    if (this.#isWatching) return;
    this.#isWatching = true;
    this.#clock.after(LOOK_EVERY_MS, () => {
      this.#isWatching = false;
      const nowMs = this.#clock.monotonicMs();
      for (const upload of this.#open) upload.look(nowMs);
      if (this.#open.size > 0) this.#watch();
    });
  }
}

class Upload {
  readonly #body: Readable;
  readonly #limitBytes: number;
  readonly #owner: BodyOwner;
  readonly #done: Done;
  #pieces: Buffer[] = [];
  #bytes = 0;
  #heldBytes = 0;
  #pace: UploadPace | undefined;

  constructor(body: Readable, limitBytes: number, owner: BodyOwner, done: Done) {
    this.#body = body;
    this.#limitBytes = limitBytes;
    this.#owner = owner;
    this.#done = done;
    body.on('data', this.#onData).on('end', this.#onEnd).on('error', this.#onError).on('close', this.#onClose);
  }

  look(nowMs: number): void {
    this.#pace ??= new UploadPace();
    if (this.#owner.signal.aborted) this.#fail(ServiceError.from(this.#owner.signal.reason));
    else if (this.#pace.isTooSlow(nowMs, this.#bytes)) this.#fail(new ServiceError('request_timeout', 'The request body took too long to arrive.'));
  }

  readonly #onData = (piece: Buffer): void => {
    this.#bytes += piece.length;
    if (this.#bytes > this.#limitBytes) return this.#fail(tooLarge(this.#limitBytes));
    try {
      this.#owner.hold(piece.length + PIECE_BYTES);
    } catch (thrown) {
      return this.#fail(ServiceError.from(thrown));
    }
    this.#heldBytes += piece.length + PIECE_BYTES;
    this.#pieces.push(piece);
  };

  readonly #onEnd = (): void => {
    this.#stop();
    const whole = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces, this.#bytes);
    this.#owner.hold(whole.length - this.#heldBytes);
    this.#pieces = [];
    this.#done(null, whole);
  };

  /** Node has no other error for a body than that its connection closed before the end. */
  readonly #onError = (cause: unknown): void => this.#fail(new ServiceError('cancelled', 'The client closed the connection.', { cause }));

  /** Before the end: a stream of HTTP/2 has no error where its client took it back. */
  readonly #onClose = (): void => this.#onError(undefined);

  #fail(error: ServiceError): void {
    this.#stop();
    this.#pieces = [];
    this.#owner.hold(-this.#heldBytes);
    // What still arrives is read and dropped until the answer has left; what bounds that is in linger.ts.
    this.#body.resume();
    this.#done(error);
  }

  #stop(): void {
    this.#body.off('data', this.#onData).off('end', this.#onEnd).off('error', this.#onError).off('close', this.#onClose);
  }
}

function tooLarge(limitBytes: number): ServiceError {
  return new ServiceError('request_too_large', `The request body is larger than this address takes (${limitBytes} bytes).`);
}
