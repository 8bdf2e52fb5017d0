import { ServiceError, isCode, type Code } from '@sluice/errors';

/** What a refusal of a request may be called by a server that follows the convention below. */
const REFUSALS: ReadonlySet<Code> = new Set(['invalid_json', 'invalid_type', 'invalid_value', 'missing_required_parameter', 'unknown_parameter', 'unsupported_parameter', 'context_length_exceeded']);

/** A model says what is wrong with a request as `code parameter: text`. Who writes so vouches that the text quotes nothing. */
const REFUSAL = /^(?<code>[a-z_]{1,40}) (?<param>[A-Za-z_][A-Za-z0-9_.]{0,63}): (?<text>.{1,500})$/s;

/** The process of a Python model died; its server goes on saying that it is ready. */
const DEAD_MODEL = /Stub process .* is not healthy/;

/** The model is dead although its server says that it is ready: it must not be asked again before it was proved to live. */
export class DeadModel extends Error {
  override readonly name = 'DeadModel';
}

/** The server is there and does not have the model, not yet or not any more. */
export class AbsentModel extends Error {
  override readonly name = 'AbsentModel';
}

/**
 * What a message of Triton's means. It tells its reasons apart by their texts only; the text itself stays inside, as the
 * cause: it may quote the request.
 */
export function faultOfMessage(message: string): ServiceError {
  const cause = new Error(message);
  const refused = REFUSAL.exec(message)?.groups;
  const code = refused?.['code'];
  if (code !== undefined && isCode(code) && REFUSALS.has(code)) return new ServiceError(code, refused!['text']!, { param: refused!['param']!, cause });
  if (/Exceeds maximum queue size|Request timeout expired/.test(message)) return new ServiceError('overloaded', 'The model server is overloaded.', { cause });
  if (DEAD_MODEL.test(message)) return new ServiceError('backend_unavailable', "The model's process at its server died.", { cause: new DeadModel(message) });
  if (/unknown model|not at ready state|no available versions|shutting down/.test(message)) {
    return new ServiceError('backend_unavailable', 'The model is not ready at its server.', { cause: new AbsentModel(message) });
  }
  if (message.includes('protocol is restricted')) return new ServiceError('upstream_error', 'The model server does not let this platform ask that.', { cause });
  return new ServiceError('upstream_error', 'The model server failed.', { cause });
}
