import { arrayOf, boolean, integer, number, object, string, type Rule } from '../field-rules.ts';

/** Longest grammar, pattern or template argument; a larger one is a program. */
const TEXT_LIMIT_CHARACTERS = 65_536;
const LIST_LIMIT = 1024;
const SAFE = Number.MAX_SAFE_INTEGER;

const anything: Rule = () => undefined;
const text = string(TEXT_LIMIT_CHARACTERS);
const count = integer(0, SAFE);

/**
 * Fields beyond OpenAI's that inference servers (vLLM, SGLang, TGI, llama.cpp, hosted ones) read and SDKs send through
 * `extra_body`. They are passed on as they are. Not among them: `chat_template`, because a template from outside is a
 * program, and what asks for output that has no place in the answer (`prompt_logprobs`, `return_token_ids`).
 */
export const EXTENSION_FIELDS: Readonly<Record<string, Rule>> = {
  // Sampling.
  top_k: integer(-1, SAFE),
  min_p: number(0, 1),
  top_a: number(0, 1),
  typical_p: number(0, 1),
  repetition_penalty: number(0, 100),
  length_penalty: number(-100, 100),
  min_tokens: count,
  stop_token_ids: arrayOf(count, 0, LIST_LIMIT),
  bad_words: arrayOf(text, 0, LIST_LIMIT),
  ignore_eos: boolean,
  include_stop_str_in_output: boolean,
  skip_special_tokens: boolean,
  spaces_between_special_tokens: boolean,
  truncate_prompt_tokens: integer(-1, SAFE),
  // Guided decoding.
  guided_json: anything,
  guided_regex: text,
  guided_choice: arrayOf(text, 1, LIST_LIMIT),
  guided_grammar: text,
  guided_decoding_backend: text,
  guided_whitespace_pattern: text,
  structured_outputs: object,
  regex: text,
  ebnf: text,
  grammar: text,
  // The chat template's arguments.
  chat_template_kwargs: object,
  add_generation_prompt: boolean,
  continue_final_message: boolean,
  add_special_tokens: boolean,
  documents: arrayOf(object, 0, LIST_LIMIT),
  mm_processor_kwargs: object,
  // Reasoning.
  include_reasoning: boolean,
  separate_reasoning: boolean,
  stream_reasoning: boolean,
  enable_thinking: boolean,
  thinking_budget: integer(-1, SAFE),
  thinking: object,
  reasoning: object,
  // Serving.
  priority: integer(-SAFE, SAFE),
  cache_salt: text,
  vllm_xargs: object,
};
