import { hash, randomBytes } from 'node:crypto';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { ChatCallSchema, ChatEventSchema } from '@sluice/proto/chat/v1/chat';
import { OriginalOutputSchema, OutputBodySchema } from '@sluice/proto/events/v1/calls';
import { chainOutput } from '@sluice/segment';
import { text } from '../testing/flow-house.ts';
import { originalPrompt, Originals } from './originals.ts';

const CALL = { model: 'm', messages: Buffer.from('[1]'), fields: [{ name: 'user', json: Buffer.from('"jane"') }], stream: true, choices: 1 };
const MASKED = { ...CALL, messages: Buffer.from('[2]') };
const sha256 = (...parts: Uint8Array[]): Buffer => hash('sha256', Buffer.concat(parts), 'buffer');
const said = (value: string) => [create(ChatEventSchema, text(value))];
const output = (value: string) => chainOutput(Buffer.alloc(32), { events: said(value) }).body;

describe('a prompt as it was asked', () => {
  it('is kept where another one was sent, or none, and committed to under a salt of its own', () => {
    for (const kept of [MASKED, undefined, { ...CALL, fields: [] }, { ...CALL, choices: 2 }]) {
      const { body, commitment } = originalPrompt(CALL, kept, randomBytes)!;
      expect(body.original).toEqual(CALL);
      expect(body.originalSalt).toHaveLength(32);
      expect(commitment).toEqual(sha256(body.originalSalt, toBinary(ChatCallSchema, create(ChatCallSchema, CALL))));
    }
  });

  it('is not kept where it was sent as it is, whatever object that is, or nothing of it was understood', () => {
    expect(originalPrompt(CALL, CALL, randomBytes)).toBeUndefined();
    expect(originalPrompt(CALL, { ...CALL, messages: Buffer.from('[1]'), changes: [] }, randomBytes)).toBeUndefined();
    expect(originalPrompt({ ...CALL, choices: 0 }, undefined, randomBytes)).toBeUndefined();
  });
});

describe('the originals of a call', () => {
  it('stand beside what was sent, and the last link of their chain in the leaf', () => {
    const originals = new Originals(CALL, MASKED, true, randomBytes);
    const body = originals.add(output('*'), said('jane'));
    expect(fromBinary(OutputBodySchema, body.bytes)).toEqual(create(OutputBodySchema, { events: said('*'), original: { events: said('jane') } }));
    originals.add(output(''), said('!'));
    const salt = originals.completed.originalOutputSalt!;
    const given = ['jane', '!'].map((value) => toBinary(OriginalOutputSchema, create(OriginalOutputSchema, { events: said(value) })));
    expect(originals.fields.original_output).toEqual(given.reduce((link, bytes) => sha256(link, bytes), sha256(salt)));
    expect(originals.admitted.original).toEqual(CALL);
  });

  it('leave the body of an output for which nothing was given as it is', () => {
    const body = output('a');
    expect(new Originals(CALL, CALL, true, randomBytes).add(body, [])).toBe(body);
  });

  it('are committed to as none where nothing was changed and no rule looks at the output, under the same names', () => {
    const none = new Originals(CALL, CALL, false, randomBytes);
    expect([none.fields, none.admitted, none.completed]).toEqual([{ original_prompt: '', original_output: '' }, {}, {}]);
    expect(Object.keys(new Originals(CALL, MASKED, true, randomBytes).fields)).toEqual(Object.keys(none.fields));
    const body = output('a');
    expect(none.add(body, said('a'))).toBe(body);
  });
});
