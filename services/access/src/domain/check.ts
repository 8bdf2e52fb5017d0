import { ServiceError } from '@sluice/errors';

/** Longest name of a project or key, in characters: fits a line of a table. */
export const MAX_NAME_CHARACTERS = 100;

/** Longest list of models of one key: it travels with every copy of the key. */
export const MAX_KEY_MODELS = 1000;

/** Longest model name, in characters; the registry makes none that is longer. */
export const MAX_MODEL_NAME_CHARACTERS = 200;

/** Control characters, line ends and marks that turn the direction of text: they forge lines in terminals and logs. */
const UNSHOWABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;

/** A name as it was given. Errors: `missing_required_parameter`, `invalid_value`, naming `param`. */
export function checkName(name: string, param: string, maxCharacters = MAX_NAME_CHARACTERS): string {
  if (name.trim() === '') throw new ServiceError('missing_required_parameter', `\`${param}\` must not be empty.`, { param });
  if ([...name].length > maxCharacters) {
    throw new ServiceError('invalid_value', `\`${param}\` has more than ${maxCharacters} characters.`, { param });
  }
  if (UNSHOWABLE.test(name)) throw new ServiceError('invalid_value', `\`${param}\` contains control characters.`, { param });
  return name;
}

/** The models of a key, each once. Models need not exist yet. */
export function checkModels(models: readonly string[]): string[] {
  if (models.length > MAX_KEY_MODELS) {
    throw new ServiceError('invalid_value', `\`models\` has more than ${MAX_KEY_MODELS} entries.`, { param: 'models' });
  }
  return [...new Set(models.map((model, at) => checkName(model, `models[${at}]`, MAX_MODEL_NAME_CHARACTERS)))];
}

/** An expiry in milliseconds since the Unix epoch; 0 is never. */
export function checkExpiry(expiresAtMs: bigint, nowMs: number): number | undefined {
  if (expiresAtMs === 0n) return undefined;
  if (expiresAtMs <= BigInt(nowMs) || expiresAtMs > MAX_TIME_MS) {
    throw new ServiceError('invalid_value', '`expires_at_ms` must lie in the future.', { param: 'expires_at_ms' });
  }
  return Number(expiresAtMs);
}

/** The last moment that a date can show (ECMA-262, time values). */
const MAX_TIME_MS = 8_640_000_000_000_000n;
