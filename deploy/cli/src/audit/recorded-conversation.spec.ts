import { describe, expect, it } from '@jest/globals';
import { recordedCall } from '../platform-api/answers.ts';
import { completedCall } from '../testing/scripted-call.ts';
import { conversation } from './recorded-conversation.ts';

const request = (content: string) => ({ model: 'tiny', stream: true, n: 1, messages: [{ role: 'user', content }] });
const choices = (content: string) => [{ index: 0, finish_reason: 'stop', content, reasoning: null, refusal: null, tool_calls: [], function_call: null }];
const { shown } = completedCall();

/** What was said, as people read it. */
function said(original: object | undefined, over: object = {}): string[] {
  const text = conversation(recordedCall.parse({ ...shown, governed: null, request: request('I am ***.'), choices: choices('Hello, ***.'), events: [], ...(original && { original }), ...over }));
  return text.slice(text.indexOf('---')).trim().split('\n').filter((line) => line !== '');
}

const SENT = ['--- user', 'I am ***.', '--- parameters', 'n: 1', '--- answer (stop)', 'Hello, ***.'];

describe('a recorded call, as people read it,', () => {
  it('has what was asked and what the model gave beside what was sent, each by its name; none of it can drive the terminal', () => {
    expect(said({ request: { ...request('I am Jane.'), user: 'Jane' }, output: { choices: choices('Hello, Jane.\u0007'), events: [] } })).toEqual([
      '--- user, as asked', 'I am Jane.', '--- parameters, as asked', 'n: 1', 'user: "Jane"',
      '--- user, as sent to the model', 'I am ***.', '--- parameters, as sent to the model', 'n: 1',
      '--- answer (stop), as the model gave it', 'Hello, Jane.\\x07', '--- answer (stop), as sent to the client', 'Hello, ***.',
    ]);
  });

  it('names every channel of an answer by which of two it is', () => {
    const [choice] = choices('Hello, ***.');
    const given = { ...choice, index: 1, reasoning: 'Jane?', refusal: 'no', tool_calls: [{ id: 'call_1', name: 'look', arguments: '{}' }] };
    expect(said({ request: null, output: { choices: [choice, given], events: [] } }).filter((line) => line.endsWith('gave it'))).toEqual([
      '--- answer 0 (stop), as the model gave it', '--- reasoning 1, as the model gave it', '--- refusal 1, as the model gave it', '--- tool call 1 look call_1, as the model gave it', '--- answer 1 (stop), as the model gave it',
    ]);
  });

  it('has what was asked of a refused call of which nothing was sent', () => {
    expect(said({ request: request('I am Jane.'), output: null }, { status: 'refused', request: null, choices: [] })).toEqual(['--- user, as asked', 'I am Jane.', '--- parameters, as asked', 'n: 1']);
  });

  it('says nothing of originals where none are kept, and shows once what a rule looked at and left alone', () => {
    expect(said(undefined)).toEqual(SENT);
    expect(said({ request: null, output: { choices: choices('Hello, ***.'), events: [] } })).toEqual(SENT);
  });
});
