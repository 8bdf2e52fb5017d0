import { ServiceError } from '@sluice/errors';

/** One token and how likely the model held it, before penalties and temperature. */
export interface TokenLogprob {
  readonly token: number;
  readonly text: string;
  /** Natural logarithm of the probability. */
  readonly logprob: number;
}

/** The chosen token of one step and the likeliest ones beside it, likeliest first. */
export interface TokenLogprobs extends TokenLogprob {
  readonly top: readonly TokenLogprob[];
}

interface WireEntry {
  readonly logprob: number;
  readonly rank: number;
  readonly decoded_token: string;
  /** Not in vLLM's form, where the chosen token can only be guessed when it is among the likeliest. */
  readonly sampled?: boolean;
}

/** The contract's form: a JSON list of steps, each an object from token id to logprob, rank and text. */
export function writeTokenLogprobs(steps: readonly TokenLogprobs[]): string {
  return JSON.stringify(
    steps.map((step) => {
      const entries = new Map<number, WireEntry>();
      entries.set(step.token, { logprob: step.logprob, rank: step.top.length + 1, decoded_token: step.text, sampled: true });
      step.top.forEach(({ token, text, logprob }, index) =>
        entries.set(token, { logprob, rank: index + 1, decoded_token: text, ...(token === step.token && { sampled: true }) }),
      );
      return Object.fromEntries(entries);
    }),
  );
}

/**
 * Reads that form. `topCount` is what the request asked for: a chosen token of a lower rank comes beside the likeliest, not among them.
 * Throws `upstream_error` when the text is malformed or does not say which token was chosen.
 */
export function parseTokenLogprobs(json: string, topCount: number): TokenLogprobs[] {
  try {
    return (JSON.parse(json) as Record<string, WireEntry>[]).map((step) => parseStep(step, topCount));
  } catch (thrown) {
    throw thrown instanceof ServiceError ? thrown : malformed(thrown);
  }
}

function parseStep(step: Record<string, WireEntry>, topCount: number): TokenLogprobs {
  const entries = Object.entries(step).sort(([, a], [, b]) => a.rank - b.rank);
  const isWhole = entries.every(([, entry]) => typeof entry.decoded_token === 'string' && Number.isFinite(entry.logprob) && Number.isInteger(entry.rank));
  const chosen = entries.length === 1 ? entries[0] : entries.find(([, entry]) => entry.sampled === true);
  if (!chosen || !isWhole) throw malformed();
  return { ...toTokenLogprob(chosen), top: entries.filter(([, { rank }]) => rank <= topCount).map(toTokenLogprob) };
}

function toTokenLogprob([token, entry]: [string, WireEntry]): TokenLogprob {
  return { token: Number(token), text: entry.decoded_token, logprob: entry.logprob };
}

function malformed(cause?: unknown): ServiceError {
  return new ServiceError('upstream_error', 'The model server sent malformed log-probabilities.', { cause });
}
