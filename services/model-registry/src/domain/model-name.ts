import { ServiceError } from '@sluice/errors';

/** Longest model name or alias, in characters; it travels with every call and lies in every record. */
export const MAX_MODEL_NAME_CHARACTERS = 200;

/** What OpenAI clients use: `gpt-4o-mini`, `meta-llama/Llama-3.1-8B-Instruct`, `ft:base:team:2`. */
const MODEL_NAME = /^[A-Za-z0-9._:-]+(\/[A-Za-z0-9._:-]+)*$/;

/** Clients put names into paths, where these segments mean something else. */
const DOT_SEGMENTS = ['.', '..'];

/** A model name or alias as it was given. Errors: `missing_required_parameter`, `invalid_value`, naming `param`. */
export function checkModelName(name: string, param: string): string {
  if (name === '') throw new ServiceError('missing_required_parameter', `\`${param}\` must not be empty.`, { param });
  if (name.length > MAX_MODEL_NAME_CHARACTERS) {
    throw new ServiceError('invalid_value', `\`${param}\` has more than ${MAX_MODEL_NAME_CHARACTERS} characters.`, { param });
  }
  if (!MODEL_NAME.test(name) || name.split('/').some((segment) => DOT_SEGMENTS.includes(segment))) {
    throw new ServiceError('invalid_value', `\`${param}\` may hold letters, digits, \`.\`, \`_\`, \`-\`, \`:\` and single \`/\` between them.`, { param });
  }
  return name;
}
