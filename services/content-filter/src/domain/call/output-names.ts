/** Names that the API itself has in an answer, wherever they stand: they say nothing. All others may be a model's. */
export const OUTPUT_NAMES: ReadonlySet<string> = new Set(
  (
    // Log-probabilities.
    'content refusal token bytes logprob top_logprobs ' +
    // Members of a message.
    'annotations type url_citation url title start_index end_index audio id data transcript expires_at ' +
    // Usage.
    'prompt_tokens completion_tokens total_tokens prompt_tokens_details completion_tokens_details cached_tokens audio_tokens reasoning_tokens ' +
    'accepted_prediction_tokens rejected_prediction_tokens'
  ).split(' '),
);
