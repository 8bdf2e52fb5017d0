import type { TokenLogprob, TokenLogprobs } from '@sluice/kserve';
import { LlamaGrammar, LlamaGrammarEvaluationState, LlamaJsonSchemaGrammar, TokenBias, type LlamaContextSequence, type LlamaModel, type SequenceEvaluateOptions, type Token } from 'node-llama-cpp';
import type { GenerateCommand } from './messages.ts';
import { sample, seededRandom, type SampleSettings } from './sample.ts';

export interface SampledToken {
  readonly token: Token;
  readonly logprobs: TokenLogprobs | undefined;
}

/** As OpenAI writes a probability that is too small for a number. */
const LEAST_LOGPROB = -9999;

/** A generator of tokens after `tokens`, by llama.cpp's samplers, or by our own where log-probabilities are asked for. */
export async function tokenSource(
  model: LlamaModel,
  sequence: LlamaContextSequence,
  tokens: Token[],
  command: GenerateCommand,
): Promise<AsyncIterable<SampledToken>> {
  const settings = readSettings(command);
  if (command.sampling.logprobs !== undefined) return withLogprobs(model, sequence, tokens, command, settings);
  return plain(sequence, tokens, await evaluateOptions(model, command, settings));
}

/**
 * What a request that says nothing gets. The last three are llama.cpp's own. Its temperature of 0.8, and OpenAI's of 1,
 * are for large models: quantised small ones, which a CPU can run, write nonsense with them.
 */
const DEFAULTS = { temperature: 0.3, topK: 40, topP: 0.95, minP: 0.05 };

function readSettings({ sampling }: GenerateCommand): SampleSettings {
  return {
    temperature: sampling.temperature ?? DEFAULTS.temperature,
    topK: Math.max(0, sampling.top_k ?? DEFAULTS.topK),
    topP: sampling.top_p ?? DEFAULTS.topP,
    minP: sampling.min_p ?? DEFAULTS.minP,
    frequencyPenalty: sampling.frequency_penalty ?? 0,
    presencePenalty: sampling.presence_penalty ?? 0,
    repetitionPenalty: sampling.repetition_penalty ?? 1,
    bias: new Map(Object.entries(sampling.logit_bias ?? {}).map(([token, bias]) => [Number(token), bias])),
  };
}

async function* plain(sequence: LlamaContextSequence, tokens: Token[], options: SequenceEvaluateOptions & { produced: Token[] }): AsyncGenerator<SampledToken> {
  for await (const token of sequence.evaluate(tokens, options)) {
    options.produced.push(token);
    yield { token, logprobs: undefined };
  }
}

async function evaluateOptions(model: LlamaModel, command: GenerateCommand, settings: SampleSettings): Promise<SequenceEvaluateOptions & { produced: Token[] }> {
  const produced: Token[] = [];
  const grammar = await grammarFor(model, command);
  const bias = new TokenBias(model.tokenizer);
  for (const [token, logit] of settings.bias) bias.set(token as Token, { logit });
  const penalises = settings.frequencyPenalty !== 0 || settings.presencePenalty !== 0 || settings.repetitionPenalty !== 1;
  return {
    produced,
    temperature: settings.temperature,
    topK: settings.topK,
    topP: settings.topP,
    minP: settings.minP,
    seed: command.seed,
    yieldEogToken: true,
    ...(settings.bias.size > 0 && { tokenBias: bias }),
    ...(grammar && { grammarEvaluationState: new LlamaGrammarEvaluationState({ model, grammar }) }),
    ...(penalises && {
      repeatPenalty: {
        punishTokens: () => produced,
        penalty: settings.repetitionPenalty,
        frequencyPenalty: settings.frequencyPenalty,
        presencePenalty: settings.presencePenalty,
      },
    }),
  };
}

async function grammarFor(model: LlamaModel, { sampling }: GenerateCommand): Promise<LlamaGrammar | undefined> {
  const guided = sampling.guided_decoding;
  if (!guided) return undefined;
  if ('json_object' in guided) return LlamaGrammar.getFor(model.llama, 'json');
  try {
    return new LlamaJsonSchemaGrammar(model.llama, guided.json as { readonly type: 'object' });
  } catch (cause) {
    throw new UnusableSchema('the schema has no grammar', { cause });
  }
}

/** The schema passed the engine's check, but no grammar could be made of it. */
export class UnusableSchema extends Error {
  override readonly name = 'UnusableSchema';
}

async function* withLogprobs(model: LlamaModel, sequence: LlamaContextSequence, tokens: Token[], command: GenerateCommand, settings: SampleSettings): AsyncGenerator<SampledToken> {
  const random = seededRandom(command.seed);
  const counts = new Map<number, number>();
  // Greedy and without penalties llama.cpp reports the model's own distribution over the whole vocabulary.
  const whole = { generateNext: { probabilities: true, options: { temperature: 0 } } };
  let input = tokens;
  for (;;) {
    const outputs = await sequence.controlledEvaluate([...input.slice(0, -1), [input.at(-1)!, whole]]);
    const probabilities = outputs.at(-1)?.next.probabilities;
    if (!probabilities || probabilities.size === 0) throw new Error('no distribution');
    const token = sample(probabilities, settings, counts, random) as Token;
    counts.set(token, (counts.get(token) ?? 0) + 1);
    yield { token, logprobs: describe(model, probabilities, token, command.sampling.logprobs ?? 0) };
    input = [token];
  }
}

function describe(model: LlamaModel, probabilities: ReadonlyMap<Token, number>, chosen: Token, topCount: number): TokenLogprobs {
  const one = (token: Token, probability: number): TokenLogprob => ({
    token,
    text: model.detokenize([token], true),
    logprob: Math.max(LEAST_LOGPROB, Math.log(probability)),
  });
  const top: TokenLogprob[] = [];
  for (const [token, probability] of probabilities) {
    if (top.length >= topCount) break;
    top.push(one(token, probability));
  }
  return { ...one(chosen, probabilities.get(chosen) ?? 0), top };
}
