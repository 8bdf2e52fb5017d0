import { basename, isAbsolute } from 'node:path';
import { ServiceError } from '@sluice/errors';
import type { ModelRepositoryParameter, RepositoryModelLoadRequest } from '@sluice/proto/kserve';
import type { LocalEngineConfig } from '../config.ts';
import type { LoadSettings } from '../domain/model-process.ts';

const SEQUENCES_LIMIT = 64;
const CONTEXT_TOKENS_LIMIT = 1_048_576;
/** Below this not even a short system prompt fits. */
const CONTEXT_TOKENS_MINIMUM = 64;

const KNOWN = ['weights_path', 'weights_digest', 'sequences', 'context_tokens'];
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** The parameters of RepositoryModelLoad: `weights_path` (string: absolute, or a name in the models folder), `weights_digest` (string `sha256:<hex>`, optional: checked), `sequences` and `context_tokens` (int64, optional). */
export function readLoadSettings({ parameters }: RepositoryModelLoadRequest, config: LocalEngineConfig): LoadSettings {
  const unknown = Object.keys(parameters).find((name) => !KNOWN.includes(name));
  if (unknown) throw new ServiceError('unsupported_parameter', `The local engine has no load parameter '${unknown.slice(0, 64)}'.`, { param: unknown.slice(0, 64) });
  const weightsDigest = readDigest(parameters.weights_digest);
  return {
    ...(weightsDigest !== undefined && { weightsDigest }),
    weightsPath: readPath(parameters.weights_path, config.modelsFolder),
    sequences: readInteger('sequences', parameters.sequences, 1, SEQUENCES_LIMIT) ?? config.LOCAL_ENGINE_SEQUENCES,
    contextTokens: readInteger('context_tokens', parameters.context_tokens, CONTEXT_TOKENS_MINIMUM, CONTEXT_TOKENS_LIMIT) ?? config.LOCAL_ENGINE_CONTEXT_TOKENS,
    threads: config.LOCAL_ENGINE_THREADS,
  };
}

/** As it was asked for: what it stands for is looked up when the model is started. */
function readPath(parameter: ModelRepositoryParameter | undefined, modelsFolder: string | undefined): string {
  const choice = parameter?.parameterChoice;
  if (choice?.case !== 'stringParam') throw new ServiceError('missing_required_parameter', "The load parameter 'weights_path' (a string) is missing.", { param: 'weights_path' });
  const path = choice.value;
  const isName = modelsFolder !== undefined && /\.gguf$/i.test(path) && basename(path) === path;
  if ((!isAbsolute(path) && !isName) || path.includes('\0')) {
    throw new ServiceError('invalid_value', "'weights_path' must be an absolute path or the name of a .gguf file in the models folder.", { param: 'weights_path' });
  }
  return path;
}

function readDigest(parameter: ModelRepositoryParameter | undefined): string | undefined {
  if (!parameter) return undefined;
  const choice = parameter.parameterChoice;
  if (choice.case !== 'stringParam' || !DIGEST.test(choice.value)) {
    throw new ServiceError('invalid_value', "'weights_digest' must be `sha256:` and 64 lower-case hexadecimal digits.", { param: 'weights_digest' });
  }
  return choice.value;
}

function readInteger(name: string, parameter: ModelRepositoryParameter | undefined, minimum: number, maximum: number): number | undefined {
  if (!parameter) return undefined;
  const choice = parameter.parameterChoice;
  if (choice.case !== 'int64Param') throw new ServiceError('invalid_type', `The load parameter '${name}' must be an int64.`, { param: name });
  if (choice.value < minimum || choice.value > maximum) throw new ServiceError('invalid_value', `'${name}' must be between ${minimum} and ${maximum}.`, { param: name });
  return Number(choice.value);
}
