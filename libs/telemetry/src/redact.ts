const TEXT_LIMIT_CHARACTERS = 256;
const FRAMES_LIMIT = 12;
const KIND = /^[a-z_]{1,40}$/;
/** What looks like a credential, whoever made it: `sk-...`, a bearer token, a JWT. */
const SECRETS = /\b(sk-[A-Za-z0-9_-]{8,}|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_.-]+)|\bBearer\s+\S+/gi;

/** A text that may stand in a log line or a span: bounded, without credentials and control characters. */
export function redactText(text: string): string {
  const bounded = text.length > TEXT_LIMIT_CHARACTERS ? `${text.slice(0, TEXT_LIMIT_CHARACTERS)}…` : text;
  return bounded.replace(SECRETS, '[redacted]').replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ');
}

/**
 * What may be logged of an error. The message of a foreign error can quote what it choked on (a JSON parser quotes the
 * body, a database the value), so only a ServiceError's public message is kept; of others the name, the code and where.
 */
export function redactError(error: Error): Record<string, unknown> {
  const code = 'code' in error && (typeof error.code === 'string' || typeof error.code === 'number') ? error.code : kindOf(error);
  return {
    name: error.name,
    ...(code === undefined ? {} : { code }),
    ...(error.name === 'ServiceError' ? { message: redactText(error.message) } : {}),
    frames: framesOf(error),
    ...(error.cause instanceof Error ? { cause: redactError(error.cause) } : {}),
  };
}

/** Errors of our own libraries have a word for what went wrong in place of a code. */
function kindOf(error: Error): string | undefined {
  return 'kind' in error && typeof error.kind === 'string' && KIND.test(error.kind) ? error.kind : undefined;
}

function framesOf(error: Error): string[] {
  const lines = (error.stack ?? '').split('\n').map((line) => line.trim());
  return lines.filter((line) => line.startsWith('at ')).slice(0, FRAMES_LIMIT);
}
