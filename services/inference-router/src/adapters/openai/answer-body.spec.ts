import { describe, expect, it } from '@jest/globals';
import { toJson } from '@bufbuild/protobuf';
import { ChatEventSchema, type ChatEvent } from '@sluice/proto/chat/v1/chat';
import fc from 'fast-check';
import { backendCall } from '../../domain/backend.contract.ts';
import { WholeAnswers } from '../../domain/whole-answers.ts';
import { StreamBody, WholeBody } from './answer-body.ts';
import { AnswerReader } from './answer-reader.ts';

const event = (value: object | string): string => `data: ${typeof value === 'string' ? value : JSON.stringify(value)}\n\n`;
const choice = (delta: object, more: object = {}) => ({ system_fingerprint: 'fp', choices: [{ index: 0, delta, ...more }] });
const STREAM = Buffer.from(
  '\ufeff: PROCESSING\r\n\r\n' +
    event(choice({ role: 'assistant', content: '' })) +
    event(choice({ reasoning_content: 'höm' })) +
    event(choice({ content: ' 🦥' }, { logprobs: { content: [{ token: ' 🦥', logprob: -0.5 }] } })) +
    event(choice({ tool_calls: [{ index: 0, id: 'call_a', type: 'function', function: { name: 'f', arguments: '{"ü"' } }] })) +
    event(choice({ tool_calls: [{ index: 0, function: { arguments: ':1}' } }] })) +
    event(choice({}, { finish_reason: 'tool_calls' })) +
    event({ choices: [], usage: { prompt_tokens: 5, completion_tokens: 9 } }) +
    event('[DONE]'),
);

function readStream(pieces: readonly Buffer[]): { events: ChatEvent[]; fault: unknown } {
  const body = new StreamBody(new AnswerReader(backendCall()));
  const events = pieces.flatMap((piece) => body.push([piece]));
  if (body.fault !== undefined) return { events, fault: body.fault };
  events.push(...body.end());
  return { events, fault: undefined };
}
const plain = (events: readonly ChatEvent[]) => events.map((one) => toJson(ChatEventSchema, one));
const EXPECTED = plain(readStream([STREAM]).events);

describe('the body of a streamed answer', () => {
  it('holds every kind of event once', () => {
    expect(EXPECTED).toHaveLength(7);
  });

  it('gives the same events when cut in two at every byte', () => {
    for (let cut = 0; cut <= STREAM.length; cut++) expect(plain(readStream([STREAM.subarray(0, cut), STREAM.subarray(cut)]).events)).toEqual(EXPECTED);
  });

  it('gives the same events however it is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(STREAM.length), { maxLength: 30 }), (cuts) => {
        const at = [0, ...cuts.sort((a, b) => a - b), STREAM.length];
        expect(plain(readStream(at.slice(1).map((end, index) => STREAM.subarray(at[index], end))).events)).toEqual(EXPECTED);
      }),
    );
  });

  it('never takes a part for the whole: a stream that ends before its finish reason is an error at every byte', () => {
    const finish = STREAM.indexOf('"finish_reason"');
    for (let end = 0; end < finish; end++) expect(() => readStream([STREAM.subarray(0, end)])).toThrow("The model's backend failed.");
  });

  it('gives what came before a fault, and the fault', () => {
    const { events, fault } = readStream([Buffer.from(event(choice({ content: 'a' })) + event('{broken'))]);
    expect(events).toHaveLength(2);
    expect(fault).toMatchObject({ code: 'upstream_error' });
  });

  it('never breaks by anything but an upstream error, whatever bytes come', () => {
    const line = fc.oneof(fc.string(), fc.json().map((json) => `data: ${json}`), fc.constantFrom('data: {"choices":[{"delta":{"tool_calls":[{}]}}]}', 'data: [DONE]', 'event: error'));
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
        try {
          const { fault } = readStream([Buffer.from(lines.join('\n\n') + '\n\n')]);
          if (fault !== undefined) throw fault;
        } catch (thrown) {
          expect(thrown).toMatchObject({ name: 'ServiceError', code: expect.stringMatching(/^upstream_/) });
        }
      }),
    );
  });
});

describe('the body of a whole answer', () => {
  const whole = Buffer.from(JSON.stringify({ choices: [{ index: 0, message: { role: 'assistant', content: 'größe 🦥' }, finish_reason: 'stop' }], usage: { prompt_tokens: 1, completion_tokens: 2 } }));
  const readWhole = (pieces: readonly Buffer[]): ChatEvent[] => {
    const body = new WholeBody(new AnswerReader(backendCall({ stream: false })), new WholeAnswers(2 ** 20).begin());
    for (const piece of pieces) expect(body.push([piece])).toEqual([]);
    return body.end();
  };

  it('is read whole, wherever it is cut, and not in part', () => {
    const expected = plain(readWhole([whole]));
    expect(expected).toHaveLength(4);
    for (let cut = 0; cut < whole.length; cut++) {
      expect(plain(readWhole([whole.subarray(0, cut), whole.subarray(cut)]))).toEqual(expected);
      expect(() => readWhole([whole.subarray(0, cut)])).toThrow("The model's backend failed.");
    }
  });
});
