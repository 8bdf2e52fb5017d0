import { randomBytes } from 'node:crypto';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import { describe, expect, it } from '@jest/globals';
import { dataKey } from '@sluice/envelope';
import { ServiceError } from '@sluice/errors';
import { Channel } from '@sluice/proto/chat/v1/chat';
import { SegmentSchema } from '@sluice/proto/events/v1/calls';
import fc from 'fast-check';
import {
  SEGMENT_LIMIT_BYTES, SegmentBuilder, chainOutput, decodeSegment, nextChain, openSegment, piecesOf, readCall, type KeyFinder, type PendingRecord, type SealingKey,
} from './index.ts';

const sealing = new Map<string, SealingKey>(['p0', 'p1', 'p2'].map((id) => [id, { id: `key-${id}`, key: dataKey(randomBytes(32)) }]));
const findKey: KeyFinder = (projectId, dataKeyId) => (dataKeyId === `key-${projectId}` ? sealing.get(projectId)?.key : undefined);

interface Written {
  readonly project: string;
  readonly pending: PendingRecord;
  readonly text: string | undefined;
}

/** Builds as many segments as the records need, one after the other. */
function write(written: readonly Written[], producer = 'gateway-1') {
  const segments: Uint8Array[] = [];
  let builder = new SegmentBuilder();
  const close = () => {
    segments.push(builder.build({ producer, epoch: 7n, seq: BigInt(segments.length) }, 1_700_000_000_123.7).bytes);
    builder = new SegmentBuilder();
  };
  for (const { project, pending } of written) {
    for (const piece of piecesOf(pending)) {
      if (builder.add(project, sealing.get(project)!, piece)) continue;
      close();
      expect(builder.add(project, sealing.get(project)!, piece)).toBe(true);
    }
  }
  close();
  return segments;
}

const output = (callId: string, text: string, encoded = false): PendingRecord => {
  const init = { events: [{ event: { case: 'delta' as const, value: { channel: Channel.CONTENT, text } } }] };
  const { chain, body } = chainOutput(new Uint8Array(32), init);
  return {
    callId,
    record: { case: 'output', value: { outputBytes: BigInt(text.length), events: 1n, outputChain: chain } },
    body: encoded ? body : { case: 'output', value: init },
  };
};

const admitted = (callId: string, project: string, prompt: string): PendingRecord => ({
  callId,
  record: { case: 'admitted', value: { projectId: project, model: 'm' } },
  body: { case: 'admitted', value: { call: { model: 'm', messages: Buffer.from(prompt) }, promptSalt: Buffer.alloc(32, 1) } },
});

/** Texts from nothing to 1 MiB, with sizes around the limits. */
const text = fc.tuple(fc.oneof(fc.nat(300), fc.constantFrom(61_300, 61_440, 61_441, 122_880, 250_000), fc.nat(1024 * 1024)), fc.stringMatching(/^[a-z]{4}$/)).map(([length, seed]) => seed.repeat(Math.ceil(length / 4)).slice(0, length));

const anyRecord: fc.Arbitrary<Written> = fc
  .record({ call: fc.nat(4), project: fc.constantFrom('p0', 'p1', 'p2'), text, kind: fc.constantFrom('output', 'encoded', 'admitted', 'digest') })
  .map(({ call, project, text, kind }) => {
    const callId = `${project}-call-${call}`;
    if (kind === 'digest') return { project, text: undefined, pending: { callId, record: { case: 'output', value: { events: 3n } } } };
    return { project, text, pending: kind === 'admitted' ? admitted(callId, project, text) : output(callId, text, kind === 'encoded') };
  });

function textOf(body: ReturnType<typeof openSegment>[number]['body']): string | undefined {
  if (body?.case === 'admitted') return Buffer.from(body.value.call!.messages).toString();
  if (body?.case === 'output') return body.value.events.map(({ event }) => (event.case === 'delta' ? event.value.text : '')).join('');
  return undefined;
}

describe('a segment', () => {
  it('gives every call back as it was written, through fragments, segments and several projects', () => {
    fc.assert(
      fc.property(fc.array(anyRecord, { minLength: 1, maxLength: 12 }), (written) => {
        const bytes = write(written);
        for (const segment of bytes) expect(segment.length).toBeLessThanOrEqual(SEGMENT_LIMIT_BYTES);
        const segments = bytes.map(decodeSegment);
        for (const callId of new Set(written.map(({ pending }) => pending.callId))) {
          const mine = written.filter(({ pending }) => pending.callId === callId);
          const read = readCall(segments, callId, findKey);
          expect(read.map(({ record }) => record.record.case)).toEqual(mine.map(({ pending }) => pending.record.case));
          expect(read.map(({ body }) => textOf(body))).toEqual(mine.map(({ text }) => text));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('is exactly what the protobuf runtime would write, with one block for each project', () => {
    const [bytes] = write([
      { project: 'p0', pending: admitted('a', 'p0', 'hello'), text: 'hello' },
      { project: 'p1', pending: output('b', 'one'), text: 'one' },
      { project: 'p0', pending: output('a', 'two', true), text: 'two' },
    ]);
    const segment = fromBinary(SegmentSchema, bytes!);
    expect(Buffer.from(toBinary(SegmentSchema, segment))).toEqual(Buffer.from(bytes!));
    expect(segment).toMatchObject({ producer: 'gateway-1', epoch: 7n, seq: 0n, builtAtMs: 1_700_000_000_123n });
    expect(segment.blocks.map(({ projectId, dataKeyId }) => [projectId, dataKeyId])).toEqual([['p0', 'key-p0'], ['p1', 'key-p1']]);
  });

  it('shows nothing of prompts and answers', () => {
    const planted = 'the planted secret of the prompt';
    for (const bytes of write([
      { project: 'p0', pending: admitted('a', 'p0', planted.repeat(9000)), text: '' },
      { project: 'p1', pending: output('b', planted), text: '' },
      { project: 'p1', pending: output('b', planted, true), text: '' },
    ])) {
      expect(Buffer.from(bytes).includes('planted secret')).toBe(false);
    }
  });

  it('keeps its records, without bodies, when a key is gone; fragments included', () => {
    const segments = write([{ project: 'p0', pending: admitted('a', 'p0', 'x'.repeat(200_000)), text: '' }, { project: 'p1', pending: output('b', 'kept'), text: '' }]).map(decodeSegment);
    const shredded: KeyFinder = (project, id) => (project === 'p0' ? undefined : findKey(project, id));
    expect(readCall(segments, 'a', shredded)).toMatchObject([{ record: { record: { case: 'admitted' } }, body: undefined }]);
    expect(readCall(segments, 'b', shredded).map(({ body }) => textOf(body))).toEqual(['kept']);
  });

  it('refuses a block that was moved to another place on the log or another project', () => {
    const [bytes] = write([{ project: 'p0', pending: output('a', 'text'), text: '' }]);
    const same: KeyFinder = () => sealing.get('p0')!.key;
    for (const change of [{ producer: 'other' }, { epoch: 8n }, { seq: 1n }]) {
      expect(() => openSegment({ ...decodeSegment(bytes!), ...change }, same)).toThrow(ServiceError);
    }
    const moved = decodeSegment(bytes!);
    moved.blocks[0]!.projectId = 'p1';
    expect(() => openSegment(moved, same)).toThrow(ServiceError);
    expect(openSegment(decodeSegment(bytes!), same)).toHaveLength(1);
  });

  it('refuses a body whose fragments are missing or out of order', () => {
    const segments = write([{ project: 'p0', pending: admitted('a', 'p0', 'x'.repeat(600_000)), text: '' }]).map(decodeSegment);
    expect(segments.length).toBeGreaterThan(2);
    for (const broken of [segments.slice(1), [segments[0]!, ...segments.slice(2)], [segments[1]!, segments[0]!, ...segments.slice(2)]]) {
      expect(() => readCall(broken, 'a', findKey)).toThrow(ServiceError);
    }
    expect(readCall(segments.slice(0, -1), 'a', findKey)).toEqual([]);
  });

  it('refuses bytes that are no segment, and a clear part that would not fit', () => {
    expect(() => decodeSegment(Buffer.from('garbage'))).toThrow(ServiceError);
    expect(() => piecesOf({ callId: 'c', record: { case: 'admitted', value: { model: 'm'.repeat(40_000) } } })).toThrow(ServiceError);
  });

  it('chains outputs over the bytes that are sealed', () => {
    const first = chainOutput(Buffer.alloc(32, 9), { events: [{ event: { case: 'delta', value: { text: 'a' } } }] });
    const second = chainOutput(first.chain, { events: [] });
    expect(first.chain).toEqual(nextChain(Buffer.alloc(32, 9), first.body.bytes));
    expect(second.chain).toEqual(nextChain(first.chain, new Uint8Array()));
  });
});
