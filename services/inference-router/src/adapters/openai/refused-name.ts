import { otherName, type LengthField } from './length-field.ts';
import { REFUSAL_MESSAGE_LIMIT_CHARACTERS } from './limits.ts';
import { isObject, parseObject } from './upstream-error.ts';

type Json = Readonly<Record<string, unknown>>;

/** The codes with which OpenAI refuses a parameter for its name; a value has `invalid_value`, `unsupported_value` or none. */
const NAME_CODES: ReadonlySet<unknown> = new Set(['unsupported_parameter', 'unknown_parameter']);
/** The types of pydantic, second version and first, for a field that a model does not have. */
const EXTRA_TYPES: ReadonlySet<unknown> = new Set(['extra_forbidden', 'value_error.extra']);
const UNKNOWN = String.raw`(?:unsupported|not supported|unknown|unrecogni[sz]ed|not recogni[sz]ed|unexpected|not permitted|not allowed)`;
/** Words about a value: such a bound is refused under any name. */
const OF_A_VALUE = /\b(?:too (?:large|big|long|high|small|low)|exceed\w*|at (?:most|least)|m(?:ax|in)imum|greater|less|above|below|between|out of range|(?:unsupported|invalid) value)\b/i;
const UNKNOWN_WORDS = new RegExp(`\\b${UNKNOWN}\\b`, 'i');

/** How servers say in words that they do not take a field, by its name. */
const REFUSALS: Readonly<Record<LengthField, RegExp>> = { max_tokens: refusalOf('max_tokens'), max_completion_tokens: refusalOf('max_completion_tokens') };

/**
 * Whether a backend refused a request because it does not take a field of this name, whatever its value: by OpenAI's code,
 * by the list of faults of a server that checks with pydantic (FastAPI, Mistral, vLLM before it let unknown fields pass),
 * or by its words.
 */
export function refusesName(name: LengthField, status: number, body: string): boolean {
  if (status !== 400 && status !== 422) return false;
  const answer = parseObject(body);
  if (!answer) return false;
  const error = isObject(answer['error']) ? answer['error'] : answer;
  const faults = faultsOf(answer) ?? faultsOf(error);
  // Of several faults another name mends one.
  if (faults) return faults.length === 1 && isExtra(name, faults[0]!);
  const param = error['param'];
  if (typeof param === 'string' && param !== '' && param !== name) return false;
  if (param === name && NAME_CODES.has(error['code'])) return true;
  const said = [error['message'], answer['error'], answer['detail']].find((words) => typeof words === 'string') ?? '';
  const words = said.slice(0, REFUSAL_MESSAGE_LIMIT_CHARACTERS);
  if (OF_A_VALUE.test(words)) return false;
  return REFUSALS[name].test(words) || (param === name && UNKNOWN_WORDS.test(words));
}

function isExtra(name: LengthField, fault: Json): boolean {
  const loc = fault['loc'];
  const at = Array.isArray(loc) ? loc.filter((part) => part !== 'body') : [];
  return EXTRA_TYPES.has(fault['type']) && at.length === 1 && at[0] === name;
}

/** The faults that pydantic lists, wherever a server puts them: under `detail`, as `message`, or as text in `message`. */
function faultsOf(answer: Json): Json[] | undefined {
  const message = answer['message'];
  const inMessage = typeof message === 'string' ? parseObject(message) : message;
  const places = [answer['detail'], isObject(inMessage) ? inMessage['detail'] : inMessage];
  const list: unknown = places.find((place) => Array.isArray(place) && place.length > 0);
  return Array.isArray(list) ? list.filter(isObject) : undefined;
}

function refusalOf(name: LengthField): RegExp {
  const named = String.raw`(?<![\w.])["'\x60]?${name}["'\x60]?(?!\w|\.\w)`;
  const extra = String.raw`(?:extra|additional) (?:inputs|fields|properties) (?:are )?not (?:permitted|allowed)`;
  return new RegExp(
    [
      String.raw`(?:unsupported|unknown|unrecogni[sz]ed|unexpected) (?:request |keyword )?(?:parameter|argument|field|property|key|input|name)s?(?: supplied)?:? ${named}`,
      String.raw`${named}(?: parameter| field)? (?:is|was) ${UNKNOWN}\b`,
      String.raw`${extra}, field: ${named}`,
      String.raw`${named}:?\s+${extra}`,
      // vLLM 0.6 writes the list as Python does.
      String.raw`'type': 'extra_forbidden', 'loc': \('body', ${named}\)`,
      String.raw`${named}.*\buse ["'\x60]?${otherName(name)}["'\x60]? instead`,
    ].join('|'),
    'i',
  );
}
