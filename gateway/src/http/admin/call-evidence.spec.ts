import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { GetCallResponseSchema, type CallPartSchema } from '@sluice/proto/audit/v1/audit';
import { ChatCallSchema } from '@sluice/proto/chat/v1/chat';
import { OriginalOutputSchema, OutputBodySchema, type BodySchema } from '@sluice/proto/events/v1/calls';
import { callEvidence } from './call-evidence.ts';

type Body = NonNullable<MessageInitShape<typeof BodySchema>['body']>;

const base64 = (bytes: Uint8Array | string): string => Buffer.from(bytes as string).toString('base64');
const said = (text: string) => [{ event: { case: 'delta' as const, value: { text } } }];
const sent = { model: 'm', choices: 1, messages: Buffer.from('[2]') };
const asked = { ...sent, messages: Buffer.from('[1]') };
const part = (body: Body): MessageInitShape<typeof CallPartSchema> => ({ outputChain: Buffer.from('start'), body: { body } });
const evidenceOf = (...bodies: Body[]): object => callEvidence(create(GetCallResponseSchema, { parts: bodies.map(part) }));
const encoded = (call: object): string => base64(toBinary(ChatCallSchema, create(ChatCallSchema, call)));

describe('the evidence of a call', () => {
  it('has what was released without its originals, as the chain goes over it, and the originals by themselves', () => {
    const evidence = evidenceOf(
      { case: 'admitted', value: { call: sent, promptSalt: Buffer.from('s'), original: asked, originalSalt: Buffer.from('o') } },
      { case: 'output', value: { events: said('*'), original: { events: said('jane') } } },
      { case: 'output', value: { events: said('!') } },
      { case: 'output', value: { original: { events: said('held') } } },
      { case: 'completed', value: { originalOutputSalt: Buffer.from('salt') } },
    );
    expect(evidence).toEqual({
      openings: [], error: null, prompt: { salt: base64('s'), value: encoded(sent) },
      output: { start: base64('start'), released: [...['*', '!'].map((text) => base64(toBinary(OutputBodySchema, create(OutputBodySchema, { events: said(text) })))), ''] },
      original: {
        prompt: { salt: base64('o'), value: encoded(asked) },
        output: { salt: base64('salt'), given: ['jane', 'held'].map((text) => base64(toBinary(OriginalOutputSchema, create(OriginalOutputSchema, { events: said(text) })))) },
      },
    });
  });

  it('has the original of a refused call, also where nothing else of it is kept', () => {
    expect(evidenceOf({ case: 'completed', value: { original: asked, originalSalt: Buffer.from('o') } })).toMatchObject({ prompt: null, original: { prompt: { salt: base64('o'), value: encoded(asked) }, output: null } });
  });

  it('has nothing of originals where none are kept', () => {
    expect(evidenceOf({ case: 'admitted', value: { call: sent } }, { case: 'output', value: { events: said('a') } }, { case: 'completed', value: {} })).not.toHaveProperty('original');
  });
});
