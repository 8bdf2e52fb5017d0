import { describe, expect, it } from '@jest/globals';
import { Channel } from '@sluice/proto/chat/v1/chat';
import { inputPlaceOf, isSchemaName, isSchemaType, type InputPlace } from './input-places.ts';
import { JsonPath } from './json-literals.ts';

const placeOf = (path: string): InputPlace => inputPlaceOf(new JsonPath(path));

describe('places of the input', () => {
  it.each([
    ['messages.*.content', 'text'],
    ['messages.*.name', 'text'],
    ['messages.*.something_new', 'text'],
    ['messages.*.tool_calls.*.function.arguments', 'json'],
    ['messages.*.function_call.arguments', 'json'],
    ['messages.*.role', undefined],
    ['messages.*.tool_call_id', undefined],
    ['messages.*.content.*.image_url.url', undefined],
    ['messages.*.content.*.input_audio.data', undefined],
    ['tools.*.function.name', 'fixed'],
    ['tools.*.function.parameters.properties.url.description', 'text'],
    ['tools.*.function.parameters.properties.data.default', 'text'],
    ['reasoning_effort', undefined],
    ['tool_choice.function.name', undefined],
    ['metadata.id', 'text'],
    ['user', 'text'],
  ])('%s', (path, expected) => {
    expect(placeOf(path).value).toBe(expected);
  });

  it.each([
    ['messages.*', false],
    ['tools.*.function', false],
    ['tools.*.function.parameters', true],
    ['tools.*.function.parameters.properties', true],
    ['tools.*.function.parametersOf', false],
    ['response_format.json_schema.schema.properties', true],
    ['metadata', true],
    ['vendor_field.deep', true],
  ])('the client chooses the names of %s: %s', (path, expected) => {
    expect(placeOf(path).hasFreeNames).toBe(expected);
  });

  it('know the words of JSON Schema', () => {
    expect([isSchemaName('properties'), isSchemaName('city'), isSchemaType('object'), isSchemaType('a word')]).toEqual([true, false, true, false]);
    expect([placeOf('tools.*.function.parameters.type'), placeOf('tools.*.type'), placeOf('tools.*.function.parameters.items')].map(({ mayBeSchemaType }) => mayBeSchemaType)).toEqual([true, false, false]);
  });

  it('have the channel of what they hold', () => {
    const paths = ['messages.*.content.*.text', 'messages.*.refusal', 'messages.*.reasoning', 'messages.*.tool_calls.*.custom.input', 'messages.*.function_call.arguments', 'stop.*'];
    expect(paths.map((path) => placeOf(path).channel)).toEqual([Channel.CONTENT, Channel.REFUSAL, Channel.REASONING, Channel.TOOL_ARGUMENTS, Channel.FUNCTION_ARGUMENTS, Channel.UNSPECIFIED]);
    expect(paths.map((path) => placeOf(path).isTextPart)).toEqual([true, false, false, false, false, false]);
  });
});
