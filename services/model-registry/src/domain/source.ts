import { createHash } from 'node:crypto';
import { ServiceError } from '@sluice/errors';
import { checkBaseUrl } from './base-url.ts';
import type { Deployment, Placement } from './model.ts';
import type { Signature } from './signature.ts';

/** What someone adds: an OpenAI-compatible server, or weights for the engine of this house. Empty text is "not given". */
export type Source =
  | { readonly kind: 'openai'; readonly baseUrl: string; readonly upstreamModel: string; readonly credential: string; readonly placement: Placement }
  | { readonly kind: 'gguf'; readonly path: string; readonly digest: string };

/** A checked source: what a version pins, and how a deployment reaches it. */
export interface Described {
  readonly digest: string;
  readonly description: string;
  /** Of a model behind a KServe v2 server. */
  readonly signature?: Signature;
  readonly reach: Omit<Deployment, 'id' | 'versionId' | 'state' | 'hasCredential'>;
  /** Undefined: none was given. Never shown. */
  readonly credential: string | undefined;
}

/** Bearer tokens of known upstreams are below 2 KiB; a JSON web token may be longer. */
export const MAX_CREDENTIAL_CHARACTERS = 8192;

/** Longest name of a model at its upstream, in characters. */
export const MAX_UPSTREAM_MODEL_CHARACTERS = 200;

/** The longest path that Linux takes, in bytes (PATH_MAX). */
export const MAX_PATH_BYTES = 4096;

/** Of the digest in the name at the engine: tells versions apart, and stays readable in its log. */
const SHORT_DIGEST_CHARACTERS = 12;

const VISIBLE_ASCII = /^[\x21-\x7e]+$/;
const CONTROL = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/u;
const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** Checks a source and says what it pins. `modelName` stands in for an upstream name that was not given. Errors name the field. */
export function describeSource(source: Source, modelName: string): Described {
  return source.kind === 'openai' ? describeUpstream(source, modelName) : describeWeights(source, modelName);
}

function describeUpstream(source: Source & { kind: 'openai' }, modelName: string): Described {
  const target = checkBaseUrl(source.baseUrl, 'openai.base_url');
  const upstreamModel = source.upstreamModel === '' ? modelName : source.upstreamModel;
  checkUpstreamModel(upstreamModel, 'openai.upstream_model');
  if (source.credential !== '' && (source.credential.length > MAX_CREDENTIAL_CHARACTERS || !VISIBLE_ASCII.test(source.credential))) {
    const message = `\`openai.credential\` must be one token of at most ${MAX_CREDENTIAL_CHARACTERS} visible ASCII characters.`;
    throw new ServiceError('invalid_value', message, { param: 'openai.credential' });
  }
  return {
    // Members in order, no space: RFC 8785, so that anyone can compute the digest again.
    digest: sha256(JSON.stringify({ base_url: target, protocol: 'openai', upstream_model: upstreamModel })),
    description: `${target} ${upstreamModel}`,
    reach: { protocol: 'openai', placement: source.placement, target, upstreamModel, weightsPath: '', managed: false },
    credential: source.credential === '' ? undefined : source.credential,
  };
}

export function checkUpstreamModel(name: string, param: string): void {
  if ([...name].length <= MAX_UPSTREAM_MODEL_CHARACTERS && !CONTROL.test(name) && name.trim() !== '') return;
  throw new ServiceError('invalid_value', `\`${param}\` must have 1 to ${MAX_UPSTREAM_MODEL_CHARACTERS} characters and no control characters.`, { param });
}

function describeWeights({ path, digest }: Source & { kind: 'gguf' }, modelName: string): Described {
  // A bare name is a file of the engine's models folder: it is found there wherever that folder is moved to.
  const isPlaced = path.startsWith('/') || !path.includes('/');
  if (!isPlaced || Buffer.byteLength(path) > MAX_PATH_BYTES || CONTROL.test(path) || !/\.gguf$/i.test(path)) {
    const message = `\`gguf.path\` must be the name of a .gguf file in the models folder, or an absolute path; at most ${MAX_PATH_BYTES} bytes.`;
    throw new ServiceError('invalid_value', message, { param: 'gguf.path' });
  }
  if (!DIGEST.test(digest)) {
    throw new ServiceError('invalid_value', '`gguf.digest` must be `sha256:` and 64 lower-case hexadecimal digits.', { param: 'gguf.digest' });
  }
  const short = digest.slice('sha256:'.length, 'sha256:'.length + SHORT_DIGEST_CHARACTERS);
  return {
    digest,
    description: path.slice(path.lastIndexOf('/') + 1),
    reach: {
      protocol: 'kserve',
      placement: 'inside',
      target: 'local',
      upstreamModel: `${modelName.replace(/[/:]/g, '-')}-${short}`,
      weightsPath: path,
      managed: false,
    },
    credential: undefined,
  };
}

function sha256(text: string): string {
  return `sha256:${createHash('sha256').update(text, 'utf8').digest('hex')}`;
}
