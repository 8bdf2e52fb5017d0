import { describe, expect, it } from '@jest/globals';
import { Channel } from '@sluice/proto/chat/v1/chat';
import { inputChannelOf, isTextPart, textKindOf } from './input-places.ts';

const kindOf = (path: string, name: string, { isName = false, text = 'x' } = {}): string | undefined => textKindOf({ path, name, isName, start: 0, end: 0, index: 0 }, () => text);

describe('places of the input', () => {
  it.each([
    ['messages.*.content', 'content', 'text'],
    ['messages.*.name', 'name', 'text'],
    ['messages.*.something_new', 'something_new', 'text'],
    ['messages.*.tool_calls.*.function.arguments', 'arguments', 'json'],
    ['messages.*.function_call.arguments', 'arguments', 'json'],
    ['messages.*.role', 'role', undefined],
    ['messages.*.tool_call_id', 'tool_call_id', undefined],
    ['messages.*.content.*.image_url.url', 'url', undefined],
    ['messages.*.content.*.input_audio.data', 'data', undefined],
    ['tools.*.function.name', 'name', undefined],
    ['tools.*.function.parameters.properties.url.description', 'description', 'text'],
    ['tools.*.function.parameters.properties.data.default', 'default', 'text'],
    ['reasoning_effort', '', undefined],
    ['tool_choice.function.name', 'name', undefined],
    ['metadata.id', 'id', 'text'],
    ['user', '', 'text'],
  ])('%s', (path, name, expected) => {
    expect(kindOf(path, name)).toBe(expected);
  });

  it('names say something where the client chooses them', () => {
    const name = { isName: true };
    expect(kindOf('messages.*', 'content', name)).toBeUndefined();
    expect(kindOf('tools.*.function.parameters.properties', 'city', name)).toBe('text');
    expect(kindOf('tools.*.function.parameters', 'properties', name)).toBeUndefined();
    expect(kindOf('metadata', 'anything', name)).toBe('text');
    expect(kindOf('vendor_field.deep', 'anything', name)).toBe('text');
  });

  it('the type of a schema says something only where JSON Schema does not know it', () => {
    expect(kindOf('tools.*.function.parameters.type', 'type', { text: 'object' })).toBeUndefined();
    expect(kindOf('tools.*.function.parameters.type', 'type', { text: 'a word' })).toBe('text');
    expect(kindOf('tools.*.type', 'type', { text: 'a word' })).toBeUndefined();
  });

  it('have the channel of what they hold', () => {
    expect(['messages.*.content.*.text', 'messages.*.refusal', 'messages.*.reasoning', 'messages.*.tool_calls.*.custom.input', 'messages.*.function_call.arguments', 'stop.*'].map(inputChannelOf)).toEqual([
      Channel.CONTENT, Channel.REFUSAL, Channel.REASONING, Channel.TOOL_ARGUMENTS, Channel.FUNCTION_ARGUMENTS, Channel.UNSPECIFIED,
    ]);
    expect([isTextPart('messages.*.content.*.text'), isTextPart('messages.*.content')]).toEqual([true, false]);
  });
});
