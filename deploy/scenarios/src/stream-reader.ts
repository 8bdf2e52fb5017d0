import { request, type ClientRequest } from 'node:http';
import { Channels } from './channels.ts';
import { eventually, type House } from './house.ts';
import { MESSAGES, MODEL } from './scripted-model.ts';

/**
 * A client that counts every byte: reads the raw stream of one chat and keeps exactly what arrived, also when the
 * connection breaks in the middle of an event.
 */
export class StreamReader {
  /** The call's id, from the response header. */
  id: string | undefined;
  status: number | undefined;
  /** What arrived, out of whole events only. */
  readonly received = new Channels();
  /** Every event's payload. */
  readonly events: string[] = [];
  /** Resolves when the connection ended, in whatever way. */
  readonly ended: Promise<void>;
  readonly #request: ClientRequest;
  readonly #firsts: (() => void)[] = [];
  #rest = '';

  constructor(house: Pick<House, 'url' | 'apiKey'>, body: object, key = house.apiKey) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.ended = promise;
    this.#request = request(`${house.url}/v1/chat/completions`, { method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' } }, (response) => {
      this.status = response.statusCode;
      this.id = response.headers['x-request-id'] as string;
      response.setEncoding('utf8').on('data', (part: string) => this.#read(part));
      for (const end of ['end', 'error', 'close']) response.on(end, () => resolve());
    });
    this.#request.on('error', () => resolve());
    this.#request.end(JSON.stringify({ stream: true, ...body }));
  }

  /** Resolves when this many characters of text have arrived, or the connection ended. */
  async characters(count: number): Promise<void> {
    while (this.text.length < count) {
      const more = new Promise<void>((resolve) => this.#firsts.push(resolve));
      if ((await Promise.race([more.then(() => 'more'), this.ended.then(() => 'ended')])) === 'ended') return;
    }
  }

  /** The text of the first choice. */
  get text(): string {
    return this.received.content;
  }

  get done(): boolean {
    return this.events.at(-1) === '[DONE]';
  }

  /** The error event that ended the stream, if one did. */
  get error(): { readonly code: string | null; readonly type: string } | undefined {
    const last = this.events.at(-1);
    return last?.startsWith('{"error"') ? (JSON.parse(last) as { error: { code: string | null; type: string } }).error : undefined;
  }

  leave(): void {
    this.#request.destroy();
  }

  #read(part: string): void {
    this.#rest += part;
    const whole = this.#rest.split('\n\n');
    this.#rest = whole.pop()!;
    for (const event of whole.filter((text) => text.startsWith('data: ')).map((text) => text.slice('data: '.length))) {
      this.events.push(event);
      if (event === '[DONE]') continue;
      this.received.addChunk((JSON.parse(event) as { choices?: Parameters<Channels['addChunk']>[0] }).choices ?? []);
    }
    for (const wake of this.#firsts.splice(0)) wake();
  }
}

const AGAIN_WITHIN_MS = 30_000;

/** Waits until a stream comes to its end. */
export async function streamsAgain(house: House): Promise<void> {
  await eventually(async () => {
    const again = new StreamReader(house, { model: MODEL, messages: MESSAGES });
    await again.ended;
    if (!again.done) throw new Error(`a stream ended with ${again.status}, ${again.error?.code ?? again.text.slice(0, 50)}`);
    return true;
  }, AGAIN_WITHIN_MS);
}
