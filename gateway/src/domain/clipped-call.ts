import { withChange, type Call } from './call.ts';

const LENGTH_FIELDS = new Set(['max_tokens', 'max_completion_tokens']);

/** The name that models which think take too: they alone spend what cannot be seen, and so cannot be stopped, on the way. */
const ADDED_FIELD = 'max_completion_tokens';

/**
 * A call that names no length is given one where so little is affordable. More could be beyond what its model can say, and
 * servers refuse to be asked for that; such a call is stopped on the way, by what is seen of its output.
 */
export const ADDED_LENGTH_LIMIT_TOKENS = 2_048;

/**
 * The call, and the record of what became of it, with no more output to a choice than this, where it asks for more or for no length; else the same call.
 *
 * @param addedUpTo a call that names no length gets none that is larger, for each choice
 */
export function clipped(call: Call, outputTokens: number, addedUpTo = ADDED_LENGTH_LIMIT_TOKENS): Call {
  const sentJson = String(outputTokens);
  const json = Buffer.from(sentJson);
  // A request names one of the two (http/chat-completions/request.ts).
  const at = call.fields.findIndex(({ name }) => LENGTH_FIELDS.has(name));
  const given = call.fields[at];
  if (!given) {
    if (outputTokens > addedUpTo) return call;
    return withChange(call, { fields: [...call.fields, { name: ADDED_FIELD, json }] }, { parameter: ADDED_FIELD, askedJson: '', sentJson, ruleId: '' });
  }
  const { name } = given;
  const tokens = asked(given.json);
  return tokens <= outputTokens ? call : withChange(call, { fields: call.fields.with(at, { name, json }) }, { parameter: name, askedJson: String(tokens), sentJson, ruleId: '' });
}

function asked(json: Uint8Array): number {
  return Number(Buffer.from(json).toString());
}
