/** The settings that choose a token; all of them present. */
export interface SampleSettings {
  /** 0 chooses the likeliest token. */
  readonly temperature: number;
  /** 0: all. */
  readonly topK: number;
  readonly topP: number;
  readonly minP: number;
  readonly frequencyPenalty: number;
  readonly presencePenalty: number;
  readonly repetitionPenalty: number;
  readonly bias: ReadonlyMap<number, number>;
}

/**
 * Chooses a token from the model's own distribution, in the order in which llama.cpp applies its samplers.
 * `counts` says how often each token was produced before; `random` is uniform in [0, 1).
 * Used when log-probabilities are asked for, because llama.cpp's samplers change the distribution they report.
 */
export function sample(probabilities: ReadonlyMap<number, number>, settings: SampleSettings, counts: ReadonlyMap<number, number>, random: () => number): number {
  let candidates = [...probabilities].map(([token, probability]) => ({ token, logit: adjust(token, Math.log(probability), settings, counts) }));
  candidates.sort((a, b) => b.logit - a.logit);
  if (settings.temperature === 0) return candidates[0]!.token;
  if (settings.topK > 0) candidates = candidates.slice(0, settings.topK);
  candidates = keepTopP(candidates, settings.topP);
  const floor = candidates[0]!.logit + Math.log(settings.minP);
  candidates = candidates.filter(({ logit }, index) => index === 0 || logit >= floor);
  return draw(candidates.map(({ token, logit }) => ({ token, logit: logit / settings.temperature })), random());
}

interface Candidate {
  readonly token: number;
  readonly logit: number;
}

function adjust(token: number, logit: number, settings: SampleSettings, counts: ReadonlyMap<number, number>): number {
  let adjusted = logit + (settings.bias.get(token) ?? 0);
  const count = counts.get(token) ?? 0;
  if (count === 0) return adjusted;
  adjusted = adjusted <= 0 ? adjusted * settings.repetitionPenalty : adjusted / settings.repetitionPenalty;
  return adjusted - count * settings.frequencyPenalty - settings.presencePenalty;
}

function keepTopP(candidates: Candidate[], topP: number): Candidate[] {
  if (topP >= 1) return candidates;
  const weights = weigh(candidates);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let reached = 0;
  const last = weights.findIndex((weight) => (reached += weight / total) >= topP);
  return last < 0 ? candidates : candidates.slice(0, last + 1);
}

function draw(candidates: readonly Candidate[], random: number): number {
  const weights = weigh(candidates);
  let left = random * weights.reduce((sum, weight) => sum + weight, 0);
  const index = weights.findIndex((weight) => (left -= weight) < 0);
  return candidates[Math.max(0, index)]!.token;
}

/** Relative to the likeliest, so that nothing overflows. */
function weigh(candidates: readonly Candidate[]): number[] {
  const best = candidates[0]!.logit;
  return candidates.map(({ logit }) => Math.exp(logit - best));
}

/** Mulberry32: 32 bits of state are enough to repeat a text from a seed; nothing secret hangs on it. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
