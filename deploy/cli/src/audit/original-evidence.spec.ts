import { describe, expect, it } from '@jest/globals';
import type { RecordedCall } from '../platform-api/answers.ts';
import { callWithOriginals } from '../testing/scripted-call.ts';
import { callEvidence, type CallEvidence } from './call-evidence.ts';
import { proveOriginals } from './original-evidence.ts';

const NONE = Buffer.alloc(0);
const HASH = Buffer.alloc(32);
const call = callWithOriginals();
const evidence = callEvidence.parse(call.evidence);
const committed = (name: string): Buffer => evidence.openings.find((opening) => opening.name === name)!.value;
const prove = (opened: Readonly<Record<string, Buffer>>, original: CallEvidence['original'], shown: object | undefined) =>
  proveOriginals({ ...evidence, original }, new Map(Object.entries(opened)), { original: shown } as unknown as RecordedCall);

describe('the proof of originals', () => {
  it('says of each that it is what was committed to', () => {
    expect(prove({ original_prompt: committed('original_prompt'), original_output: committed('original_output') }, evidence.original, call.shown.original)).toEqual({ prompt: 'proven', output: 'proven' });
  });

  it('finds every change, of what is shown and of what is handed out', () => {
    const opened = { original_prompt: committed('original_prompt'), original_output: committed('original_output') };
    const { original } = call.shown;
    const { prompt, output } = evidence.original!;
    const given = output!.given;
    const shown = (over: object) => () => prove(opened, evidence.original, { ...original, ...over });
    const handed = (over: object) => () => prove(opened, { ...evidence.original!, ...over }, original);
    for (const request of [null, { ...original.request, user: 'John' }, { ...original.request, n: 2 }]) expect(shown({ request })).toThrow(/original prompt/);
    for (const changed of [null, { ...original.output, choices: call.shown.choices }, { ...original.output, events: original.output.events.slice(1) }]) expect(shown({ output: changed })).toThrow(/original output/);
    for (const changed of [null, { ...prompt, salt: HASH }, { ...prompt, value: NONE }]) expect(handed({ prompt: changed })).toThrow(/original prompt/);
    for (const changed of [null, { ...output, given: given.slice(0, 1) }, { ...output, given: [...given].reverse() }, { salt: Buffer.from(call.firstLink, 'base64'), given: given.slice(1) }]) expect(handed({ output: changed })).toThrow(/original output/);
    expect(() => prove(opened, undefined, undefined)).not.toThrow();
    expect(() => prove(opened, evidence.original, undefined)).toThrow(/original prompt/);
  });

  it('says that there is none where it was committed to that there is none, and then takes none', () => {
    expect(prove({ original_prompt: NONE, original_output: NONE }, undefined, undefined)).toEqual({ prompt: 'none', output: 'none' });
    expect(() => prove({ original_prompt: NONE, original_output: NONE }, undefined, call.shown.original)).toThrow(/original prompt/);
    expect(() => prove({ original_prompt: NONE, original_output: NONE }, evidence.original, undefined)).toThrow(/original prompt/);
    expect(() => prove({ original_prompt: NONE, original_output: NONE }, undefined, { request: null, output: call.shown.original.output })).toThrow(/original output/);
  });

  it('says of what is gone that it was not compared', () => {
    expect(prove({ original_prompt: HASH, original_output: HASH }, undefined, undefined)).toEqual({ prompt: 'not_compared', output: 'not_compared' });
  });

  it('says nothing of the output of a refusal', () => {
    expect(prove({ original_prompt: NONE }, undefined, undefined)).toEqual({ prompt: 'none' });
  });

  it('takes no chain that begins at anything but a salt', () => {
    const salted = (salt: Buffer<ArrayBuffer>): CallEvidence['original'] => ({ prompt: null, output: { salt, given: evidence.original!.output!.given } });
    for (const salt of [NONE, Buffer.alloc(64)]) expect(() => prove({ original_prompt: NONE, original_output: committed('original_output') }, salted(salt), { request: null, output: call.shown.original.output })).toThrow(/original output/);
  });

  it('says nothing where the entry commits to none; what is shown must be committed to, unless the call was abandoned', () => {
    expect(prove({ prompt: HASH }, undefined, undefined)).toBeUndefined();
    expect(() => prove({ prompt: HASH }, undefined, call.shown.original)).toThrow(/original/);
    expect(prove({ output_chain: HASH }, undefined, call.shown.original)).toBeUndefined();
  });
});
