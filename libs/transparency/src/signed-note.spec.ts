import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatCheckpoint, parseCheckpoint } from './checkpoint.ts';
import { openNote, signerFromSeed, signNote } from './signed-note.ts';
import { formatVerifierKey, isKeyName, parseVerifierKey } from './verifier-key.ts';

/** The worked example of C2SP signed-note. */
const VKEY = 'example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k';
const TEXT = 'This is an example message.\n';
const SIGNATURE = '— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n';
const seedOf = (byte: number): Buffer => Buffer.alloc(32, byte);

describe('signed notes', () => {
  it('verify the published example', () => {
    expect(openNote(Buffer.from(`${TEXT}\n${SIGNATURE}`), [parseVerifierKey(VKEY)])).toBe(TEXT);
  });

  it('are opened by their own key only, whatever the text', () => {
    const signer = signerFromSeed('log.example/a', seedOf(1));
    fc.assert(fc.property(fc.array(fc.string({ unit: 'grapheme' }).filter((line) => !/\p{Cc}/u.test(line))), (lines) => {
      const text = `${lines.join('\n')}\n`;
      const note = signNote(text, signer);
      expect(openNote(note, [signer])).toBe(text);
      expect(() => openNote(note, [signerFromSeed('log.example/a', seedOf(2))])).toThrow('No signature of an expected key');
      expect(() => openNote(note, [signerFromSeed('log.example/b', seedOf(1))])).toThrow('No signature of an expected key');
    }), { numRuns: 50 });
  });

  it('pass over signatures of unknown keys, but not over a wrong one of a known key', () => {
    const signer = signerFromSeed('log.example/a', seedOf(1));
    const note = signNote(TEXT, signer).toString();
    const unknown = `— witness.example/w ${Buffer.alloc(2424, 7).toString('base64')}\n`;
    expect(openNote(Buffer.from(note + unknown), [signer])).toBe(TEXT);
    const line = note.slice(note.indexOf('— '));
    const wrong = line.replace(/ ([^ ]+)\n$/, (_, encoded: string) => {
      const payload = Buffer.from(encoded, 'base64');
      payload[20]! ^= 1;
      return ` ${payload.toString('base64')}\n`;
    });
    expect(() => openNote(Buffer.from(note + wrong), [signer])).toThrow('is wrong');
  });

  it.each([
    ['no signature', TEXT],
    ['no empty line', `${TEXT}${SIGNATURE}`],
    ['an empty signature block', `${TEXT}\n\n`],
    ['a control character', `a\tb\n\n${SIGNATURE}`],
    ['a hyphen for the em dash', `${TEXT}\n${SIGNATURE.replace('—', '-')}`],
    ['a missing last newline', `${TEXT}\n${SIGNATURE}`.slice(0, -1)],
    ['rubbish behind the signature', `${TEXT}\n${SIGNATURE.replace('\n', ' x\n')}`],
    ['more signatures than anyone needs', `${TEXT}\n${SIGNATURE.repeat(101)}`],
  ])('with %s are refused', (_, note) => {
    expect(() => openNote(Buffer.from(note), [parseVerifierKey(VKEY)])).toThrow(expect.objectContaining({ name: 'LogFault' }));
  });

  it('are refused when one byte differs', () => {
    const signer = signerFromSeed('log.example/a', seedOf(1));
    const note = signNote(formatCheckpoint({ origin: 'log.example/a', size: 7n, root: seedOf(9) }), signer);
    for (let at = 0; at < note.length; at++) {
      const changed = Buffer.from(note);
      changed[at]! ^= 1;
      expect(() => openNote(changed, [signer])).toThrow(expect.objectContaining({ name: 'LogFault' }));
    }
  });

  it('are not signed over a text that no verifier would take', () => {
    const signer = signerFromSeed('log.example/a', seedOf(1));
    expect(() => signNote('no newline', signer)).toThrow('newline');
    expect(() => signNote('bell \u0007\n', signer)).toThrow('control character');
  });
});

describe('verifier keys', () => {
  it('read back as they were written, for any key', () => {
    fc.assert(fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (seed) => {
      const text = formatVerifierKey(signerFromSeed('a.example/log', seed));
      expect(formatVerifierKey(parseVerifierKey(text))).toBe(text);
    }), { numRuns: 50 });
    expect(formatVerifierKey(parseVerifierKey(VKEY))).toBe(VKEY);
  });

  it.each(['', 'name', 'name+12345678', VKEY.replace('530d903a', '530d903b'), VKEY.replace('AekyeR', 'BekyeR'), `${VKEY}==`, VKEY.replace('example.com/foo', 'example.com/ foo')])('refuse %j', (text) => {
    expect(() => parseVerifierKey(text)).toThrow(expect.objectContaining({ kind: 'note' }));
  });

  it('have names without space and plus', () => {
    expect(['a', 'example.com/log', 'δ'].every(isKeyName)).toBe(true);
    expect(['', 'a b', 'a+b', 'a\u00a0b', 'a\u3000b', 'a\n'].some(isKeyName)).toBe(false);
  });
});

describe('checkpoints', () => {
  it('read back as they were written', () => {
    fc.assert(fc.property(fc.bigInt(0n, (1n << 63n) - 1n), fc.uint8Array({ minLength: 32, maxLength: 32 }), (size, root) => {
      const read = parseCheckpoint(formatCheckpoint({ origin: 'o.example', size, root }));
      expect(read).toEqual({ origin: 'o.example', size, root: Buffer.from(root) });
    }));
  });

  it.each(['', 'o\n', 'o\n1\n', `o\n01\n${seedOf(1).toString('base64')}\n`, `o\n-1\n${seedOf(1).toString('base64')}\n`, 'o\n1\nAAAA\n', `o\n9999999999999999999\n${seedOf(1).toString('base64')}\n`])('refuse %j', (text) => {
    expect(() => parseCheckpoint(text)).toThrow(expect.objectContaining({ kind: 'checkpoint' }));
  });
});
