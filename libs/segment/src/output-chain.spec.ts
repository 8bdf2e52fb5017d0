import { hash, randomBytes } from 'node:crypto';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { OriginalOutputSchema, OutputBodySchema } from '@sluice/proto/events/v1/calls';
import fc from 'fast-check';
import { chainOriginal, chainOutput, nextChain, originalChainStart } from './output-chain.ts';

const said = (text: string) => [{ event: { case: 'delta' as const, value: { text, channel: 1 } } }];
const sha256 = (...parts: Uint8Array[]): Buffer => hash('sha256', Buffer.concat(parts), 'buffer');

describe('the chain of originals', () => {
  it('goes over what the model gave and leaves the chain of what was released as it is', () => {
    fc.assert(fc.property(fc.array(fc.tuple(fc.string(), fc.string()), { maxLength: 6 }), (records) => {
      const salt = randomBytes(32);
      let released: Buffer = Buffer.alloc(32, 1);
      let given: Buffer = originalChainStart(salt);
      let alone = released;
      let expected = sha256(salt);
      for (const [sent, original] of records) {
        const output = chainOutput(released, { events: said(sent) });
        const both = chainOriginal(given, output.body, said(original));
        released = output.chain;
        given = both.chain;
        alone = sha256(alone, toBinary(OutputBodySchema, create(OutputBodySchema, { events: said(sent) })));
        expected = sha256(expected, toBinary(OriginalOutputSchema, create(OriginalOutputSchema, { events: said(original) })));
        expect(fromBinary(OutputBodySchema, both.body.bytes)).toEqual(create(OutputBodySchema, { events: said(sent), original: { events: said(original) } }));
      }
      expect([released, given]).toEqual([alone, expected]);
    }), { numRuns: 40 });
  });

  it('does not begin at a link: what came before that would be left out unseen', () => {
    const first = chainOriginal(originalChainStart(randomBytes(32)), chainOutput(randomBytes(32), {}).body, said('hidden'));
    // The preimage of a link is a link and what it goes over, and never as short as a salt.
    expect(() => originalChainStart(Buffer.concat([first.chain, Buffer.from('x')]))).toThrow(RangeError);
    expect(() => originalChainStart(new Uint8Array())).toThrow(RangeError);
    expect(originalChainStart(first.chain)).not.toEqual(first.chain);
    expect(nextChain(first.chain, Buffer.from('x'))).not.toEqual(originalChainStart(first.chain));
  });
});
