import { describe, expect, it } from '@jest/globals';
import { Channel } from '@sluice/proto/chat/v1/chat';
import type { InputPlace } from './input-place.ts';
import { FIELDS } from './input-places.ts';

/** `*` for the elements of a list. */
const placeAt = (...steps: readonly string[]): InputPlace => steps.reduce((place, step) => (step === '*' ? place.elements : place.member(step)), FIELDS);
const MESSAGE = ['messages', '*'];
const PART = [...MESSAGE, 'content', '*'];
const FUNCTION = ['tools', '*', 'function'];

describe('places of the input', () => {
  it.each<[string[], string, string | undefined]>([
    [[...MESSAGE, 'content'], 'x', 'text'],
    [[...MESSAGE, 'name'], 'x', 'text'],
    [[...MESSAGE, 'something_new', 'deep', '*'], 'x', 'text'],
    [[...MESSAGE, 'tool_calls', '*', 'function', 'arguments'], '{}', 'json'],
    [[...MESSAGE, 'function_call', 'arguments'], '{}', 'json'],
    [[...MESSAGE, 'role'], 'user', undefined],
    [[...MESSAGE, 'role'], 'x', 'fixed'],
    [[...MESSAGE, 'id'], 'x', 'fixed'],
    [[...MESSAGE, 'tool_call_id'], 'x', 'fixed'],
    [[...MESSAGE, 'tool_calls', '*', 'id'], 'x', 'fixed'],
    [[...MESSAGE, 'tool_calls', '*', 'type'], 'function', undefined],
    [[...PART, 'type'], 'text', undefined],
    [[...PART, 'type'], 'x', 'fixed'],
    [[...PART, 'image_url', 'url'], 'x', 'address'],
    [[...PART, 'image_url', 'detail'], 'low', undefined],
    [[...PART, 'image_url', 'detail'], 'x', 'fixed'],
    [[...PART, 'image_url.url'], 'x', 'text'],
    [[...PART, 'image_url', 'url', 'url'], 'x', 'text'],
    [[...PART, 'input_audio', 'data'], 'x', 'data'],
    [[...MESSAGE, 'content.*.type'], 'text', 'text'],
    [[...FUNCTION, 'name'], 'x', 'fixed'],
    [[...FUNCTION, 'parameters', 'properties', 'url', 'description'], 'x', 'text'],
    [[...FUNCTION, 'parameters', 'properties', 'data', 'type'], 'string', undefined],
    [[...FUNCTION, 'parameters', 'properties', 'type', 'type', '*'], 'null', undefined],
    [[...FUNCTION, 'parameters', 'properties', 'type', 'default'], 'string', 'text'],
    [['tools', '*', 'custom', 'format', 'type'], 'grammar', undefined],
    [['tools', '*', 'custom', 'format', 'type'], 'x', 'fixed'],
    [['tools', '*', 'custom.format.type'], 'text', 'text'],
    [['tools', '*', 'type', 'type'], 'function', 'text'],
    [['reasoning_effort'], 'low', undefined],
    [['reasoning_effort'], 'x', 'fixed'],
    [['tool_choice'], 'auto', undefined],
    [['tool_choice', 'function', 'name'], 'x', 'fixed'],
    [['tool_choice', 'allowed_tools', 'tools', '*', 'type'], 'function', undefined],
    [['metadata', 'id'], 'x', 'text'],
    [['user'], 'x', 'text'],
    [['temperature'], 'x', 'fixed'],
  ])('%j: "%s" is %s', (steps, text, expected) => {
    expect(placeAt(...steps).kindOf('string', text)).toBe(expected);
  });

  it.each<[string[], string, string | undefined]>([
    [[], 'messages', undefined],
    [[], 'messages.*', 'text'],
    [MESSAGE, 'role', undefined],
    [MESSAGE, 'bird', 'text'],
    [PART, 'image_url', undefined],
    [PART, 'image_url.url', 'text'],
    [FUNCTION, 'parameters', undefined],
    [FUNCTION, 'bird', 'text'],
    [[...FUNCTION, 'parameters', 'properties'], 'bird', 'text'],
    [[...FUNCTION, 'parameters', 'properties', 'bird'], 'properties', undefined],
    [['response_format', 'json_schema', 'schema', 'type'], 'description', undefined],
    [['metadata'], 'properties', 'text'],
    [['vendor_field', 'deep'], 'role', 'text'],
    [['logit_bias'], '50256', undefined],
    [['logit_bias'], '4111111111111111', 'fixed'],
    [['logit_bias'], 'bird', 'fixed'],
  ])('in %j the name "%s" is %s', (steps, name, expected) => {
    expect(placeAt(...steps).kindOf('name', name)).toBe(expected);
  });

  it('let numbers alone where they are parameters, and no longer than those', () => {
    const fixed = (steps: readonly string[], number: string): boolean => placeAt(...steps).kindOf('number', number) === 'fixed';
    expect([fixed(['seed'], '2147483647'), fixed(['seed'], '4111111111111111'), fixed(['logit_bias', '5'], '-100'), fixed(['stop_token_ids', '*'], '128009')]).toEqual([false, true, false, false]);
    expect([fixed([...MESSAGE, 'n'], '8'), fixed([...FUNCTION, 'parameters', 'maximum'], '8')]).toEqual([true, true]);
  });

  it('have the channel of what they hold', () => {
    const places = [[...PART, 'text'], [...PART, 'refusal'], [...PART, 'type'], [...MESSAGE, 'refusal'], [...MESSAGE, 'reasoning'], [...MESSAGE, 'tool_calls', '*', 'custom', 'input'], [...MESSAGE, 'function_call', 'arguments'], ['stop', '*']].map((steps) => placeAt(...steps));
    expect(places.map(({ channel }) => channel)).toEqual([Channel.CONTENT, Channel.CONTENT, Channel.CONTENT, Channel.REFUSAL, Channel.REASONING, Channel.TOOL_ARGUMENTS, Channel.FUNCTION_ARGUMENTS, Channel.UNSPECIFIED]);
    expect(places.map(({ textOf, isTypeOfPart }) => textOf ?? isTypeOfPart)).toEqual(['text', 'refusal', true, false, false, false, false, false]);
    expect(placeAt(...MESSAGE, 'tool_calls', '*', 'x', 'y').channel).toBe(Channel.TOOL_ARGUMENTS);
  });

  it('are the same for every call', () => {
    expect(placeAt(...MESSAGE, 'x', 'y', '*')).toBe(placeAt(...MESSAGE, 'z'));
  });
});
