import { chainOriginal, commitmentHash, encodeCall, ORIGINAL_SALT_BYTES, originalChainStart, type EncodedOutput } from '@sluice/segment';
import { plainCall, type Call, type Events } from './call.ts';
import type { RandomBytes } from './ports.ts';

const SALT_BYTES = 32;

/** Fields of a leaf. A project that keeps originals has them in each, empty where there is no original: their names must not tell what rules changed. */
type OriginalFields = { readonly original_prompt: Uint8Array | ''; readonly original_output: Uint8Array | '' };

/** A request as it was asked, which was sent otherwise or not at all. */
interface OriginalPrompt {
  readonly body: { readonly original: ReturnType<typeof plainCall>; readonly originalSalt: Uint8Array };
  /** SHA-256(salt || the encoded call). */
  readonly commitment: Uint8Array;
}

/**
 * What is kept of a request as it was asked, beside what is on record of it; undefined where that is the same, or nothing was
 * understood of the request.
 *
 * @param kept undefined where nothing is on record of it
 */
export function originalPrompt(asked: Call, kept: Call | undefined, randomBytes: RandomBytes): OriginalPrompt | undefined {
  if (asked === kept || asked.choices === 0) return undefined;
  const original = plainCall(asked);
  const encoded = encodeCall(original);
  if (kept && encoded.equals(encodeCall(plainCall(kept)))) return undefined;
  const originalSalt = randomBytes(SALT_BYTES);
  return { body: { original, originalSalt }, commitment: commitmentHash(originalSalt, encoded) };
}

/** What a project that keeps originals has on record of one call beside what was sent. */
export class Originals {
  readonly #prompt: OriginalPrompt | undefined;
  readonly #outputSalt: Uint8Array | undefined;
  #chain: Uint8Array | '' = '';

  /**
   * @param asked what the client asked
   * @param sent what the model gets
   * @param looksAtOutput whether a rule does; where none does, what the model gives is what is sent
   */
  constructor(asked: Call, sent: Call, looksAtOutput: boolean, randomBytes: RandomBytes) {
    this.#prompt = originalPrompt(asked, sent, randomBytes);
    if (!looksAtOutput) return;
    this.#outputSalt = randomBytes(ORIGINAL_SALT_BYTES);
    this.#chain = originalChainStart(this.#outputSalt);
  }

  /** For the body of the admission. */
  get admitted(): Partial<OriginalPrompt['body']> {
    return this.#prompt?.body ?? {};
  }

  /** Adds what the model gave to the body of an output. */
  add(output: EncodedOutput, given: Events): EncodedOutput {
    if (this.#chain === '' || given.length === 0) return output;
    const { chain, body } = chainOriginal(this.#chain, output, [...given]);
    this.#chain = chain;
    return body;
  }

  /** For the leaf of the end. */
  get fields(): OriginalFields {
    return { original_prompt: this.#prompt?.commitment ?? '', original_output: this.#chain };
  }

  /** For the body of the end. */
  get completed(): { readonly originalOutputSalt?: Uint8Array } {
    return this.#outputSalt ? { originalOutputSalt: this.#outputSalt } : {};
  }
}
