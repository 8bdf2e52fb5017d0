import { ServiceError } from '@sluice/errors';

/** Longest base URL, in characters: what proxies and browsers agree to carry. */
export const MAX_URL_CHARACTERS = 2048;

/** Paths that the router adds by itself; giving one is the usual mistake. */
const ADDED_PATHS = ['/chat/completions', '/completions', '/models'];

/**
 * The base URL of an OpenAI-compatible server in its one normal form (WHATWG URL, no slash at the end), so that the
 * same server is not registered twice under two spellings. Errors: `missing_required_parameter`, `invalid_value`.
 */
export function checkBaseUrl(text: string, param: string): string {
  if (text === '') throw new ServiceError('missing_required_parameter', `\`${param}\` must not be empty.`, { param });
  const refuse = (why: string) => new ServiceError('invalid_value', `\`${param}\` ${why}.`, { param });
  if (text.length > MAX_URL_CHARACTERS) throw refuse(`has more than ${MAX_URL_CHARACTERS} characters`);
  // The parser would silently drop line ends and tabs.
  if (/[\s\p{Cc}]/u.test(text) || !URL.canParse(text)) throw refuse('is not a URL');
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') throw refuse('must begin with http:// or https://');
  if (url.username !== '' || url.password !== '') throw refuse('must not hold a credential: give it apart, where it is sealed');
  if (/[?#]/.test(text)) throw refuse('must not have a query or a fragment');
  const base = `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
  const added = ADDED_PATHS.find((path) => base.endsWith(path));
  if (added) throw refuse(`must end before \`${added}\``);
  return base;
}
