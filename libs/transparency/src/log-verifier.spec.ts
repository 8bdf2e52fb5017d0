import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { formatCheckpoint, parseCheckpoint } from './checkpoint.ts';
import { CompactRange } from './compact-range.ts';
import { encodeEntryBundle } from './entry-bundle.ts';
import { decodeLogEntry, encodeLogEntry, ENTRY_TYPES, toMinuteMs, type LogEntry } from './log-entry.ts';
import { LogVerifier } from './log-verifier.ts';
import { leafHash } from './merkle-hash.ts';
import { openNote, signerFromSeed, signNote, type NoteSigner } from './signed-note.ts';
import { formatTilePath, TILE_HEIGHT, tilesOf } from './tile.ts';

const signer = signerFromSeed('verify.example/log', Buffer.alloc(32, 5));

const entryOf = (seq: number, over: Partial<LogEntry> = {}): Buffer =>
  encodeLogEntry({ type: 'call.completed', producer: 'gateway-1', epoch: 1n, seq: BigInt(seq), minuteMs: 1_700_000_040_000, commitments: [{ name: 'prompt', hash: leafHash(Buffer.from(`${seq}`)) }], ...over });
const closeOf = (seq: number, ends: number, epoch = 1n): Buffer => entryOf(seq, { type: 'epoch.closed', epoch, commitments: [], ends: BigInt(ends) });
const entriesOf = (count: number): Buffer[] => Array.from({ length: count }, (_, seq) => entryOf(seq));

/** Publishes a log as files by path. */
function publish(entries: readonly Buffer[], by: NoteSigner = signer, origin = by.name): Map<string, Buffer> {
  const rows: Uint8Array[][] = [];
  const range = new CompactRange();
  for (const entry of entries) {
    const leaf = leafHash(entry);
    (rows[0] ??= []).push(leaf);
    range.append(leaf, (height, _, hash) => {
      if (height % TILE_HEIGHT === 0) (rows[height / TILE_HEIGHT] ??= []).push(hash);
    });
  }
  const files = new Map<string, Buffer>();
  files.set('checkpoint', signNote(formatCheckpoint({ origin, size: range.size, root: range.root() }), by));
  for (const tile of tilesOf(range.size)) {
    const first = Number(tile.index) * 256;
    files.set(formatTilePath(tile), Buffer.concat(rows[tile.level]!.slice(first, first + tile.width)));
    if (tile.level === 0) files.set(formatTilePath({ ...tile, level: 'entries' }), encodeEntryBundle(entries.slice(first, first + tile.width)));
  }
  return files;
}

const verifierOf = (files: Map<string, Buffer>): LogVerifier => new LogVerifier(async (path) => {
  const file = files.get(path);
  if (!file) throw new Error(`no ${path}`);
  return file;
}, signer);
const checkpointOf = (files: Map<string, Buffer>) => parseCheckpoint(openNote(files.get('checkpoint')!, [signer]));

describe('the verifier of a log', () => {
  const entries = entriesOf(1000);
  let files: Map<string, Buffer>;
  beforeAll(() => {
    files = publish(entries);
  });

  it('accepts a log of any size and reports its producers', async () => {
    for (const size of [0, 1, 255, 256, 257, 1000]) {
      const report = await verifierOf(publish(entries.slice(0, size))).verify();
      expect(report.checkpoint.size).toBe(BigInt(size));
      const whole = { producer: 'gateway-1', epoch: 1n, preceding: 0n, firstSeq: 0n, lastSeq: BigInt(size - 1), entries: size, byType: { 'call.completed': size }, closed: false };
      expect(report.producers).toEqual(size === 0 ? [] : [whole]);
    }
  });

  it('accepts every earlier checkpoint of the same log and says how far it is', async () => {
    const steps: bigint[] = [];
    for (const size of [0, 1, 255, 256, 700, 1000]) await verifierOf(files).verify(checkpointOf(publish(entries.slice(0, size))), (done) => steps.push(done));
    expect(steps.slice(0, 4)).toEqual([256n, 512n, 768n, 1000n]);
  });

  it('finds any changed byte of any file', async () => {
    const paths = [...files.keys()];
    await fc.assert(fc.asyncProperty(fc.nat(paths.length - 1), fc.nat(), fc.nat(7), async (pick, at, bit) => {
      const path = paths[pick]!;
      const changed = Buffer.from(files.get(path)!);
      changed[at % changed.length]! ^= 1 << bit;
      await expect(verifierOf(new Map(files).set(path, changed)).verify()).rejects.toMatchObject({ name: 'LogFault' });
    }), { numRuns: 150 });
  });

  it('finds a changed, missing, added or moved entry, also when the tiles were made anew to match', async () => {
    const note = files.get('checkpoint')!;
    const forged = [
      entries.with(500, entryOf(500, { epoch: 2n })),
      entries.toSpliced(500, 1),
      entries.toSpliced(500, 0, entryOf(500)),
      entries.with(10, entries[11]!).with(11, entries[10]!),
    ];
    for (const fake of forged) await expect(verifierOf(publish(fake).set('checkpoint', note)).verify()).rejects.toMatchObject({ name: 'LogFault' });
  });

  it('finds a missing tile, another key, another origin', async () => {
    for (const path of files.keys()) {
      const without = new Map(files);
      without.delete(path);
      await expect(verifierOf(without).verify()).rejects.toThrow();
    }
    const thief = signerFromSeed(signer.name, Buffer.alloc(32, 6));
    await expect(verifierOf(publish(entries, thief)).verify()).rejects.toMatchObject({ kind: 'signature' });
    await expect(verifierOf(publish(entries, signer, 'elsewhere')).verify()).rejects.toMatchObject({ kind: 'checkpoint' });
  });

  it('finds a log that was rewritten, cut or exchanged since it was last seen, though its signature is right', async () => {
    const remembered = checkpointOf(publish(entries.slice(0, 700)));
    const rewritten = publish(entries.with(3, entryOf(3, { producer: 'gateway-9' })));
    await expect(verifierOf(rewritten).verify(remembered)).rejects.toMatchObject({ kind: 'consistency' });
    await expect(verifierOf(publish(entries.slice(0, 699))).verify(remembered)).rejects.toMatchObject({ kind: 'consistency' });
    await expect(verifierOf(files).verify({ ...remembered, origin: 'other.example' })).rejects.toMatchObject({ kind: 'consistency' });
  });

  it('finds an order that no producer can have written', async () => {
    await expect(verifierOf(publish([entryOf(5), entryOf(4)])).verify()).rejects.toMatchObject({ kind: 'order' });
    await expect(verifierOf(publish([entryOf(5), entryOf(5, { type: 'call.abandoned' }), entryOf(6)])).verify()).rejects.toMatchObject({ kind: 'order' });
    await expect(verifierOf(publish([entryOf(5), closeOf(6, 1), entryOf(6)])).verify()).rejects.toMatchObject({ kind: 'order' });
    await expect(verifierOf(publish([entryOf(5), closeOf(5, 1)])).verify()).rejects.toMatchObject({ kind: 'order' });
    await expect(verifierOf(publish([entryOf(5), closeOf(6, 1), closeOf(6, 1)])).verify()).rejects.toMatchObject({ kind: 'order' });
    await expect(verifierOf(publish([entryOf(5), entryOf(5, { type: 'call.abandoned' }), closeOf(6, 2), entryOf(0, { epoch: 2n }), entryOf(6, { type: 'segment.late' })])).verify()).resolves.toBeDefined();
  });

  it('finds an end that a closed epoch lacks, and an epoch that lacks its close', async () => {
    const calls = [entryOf(0), entryOf(1, { type: 'call.refused' }), entryOf(1), entryOf(1, { type: 'call.abandoned' })];
    const whole = [...calls, closeOf(2, 4), closeOf(0, 0, 2n), entryOf(0, { epoch: 3n }), closeOf(1, 1, 3n), entryOf(0, { epoch: 9n }), entryOf(0, { type: 'epoch.closed', epoch: 9n, seq: 1n, commitments: [], ends: 1n, after: 3n })];
    const { producers } = await verifierOf(publish([...whole, entryOf(0, { epoch: 12n })])).verify();
    expect(producers.map(({ epoch, closed }) => [epoch, closed])).toEqual([[1n, true], [2n, true], [3n, true], [9n, true], [12n, false]]);
    for (let at = 0; at < whole.length - 1; at++) await expect(verifierOf(publish(whole.toSpliced(at, 1))).verify()).rejects.toMatchObject({ kind: 'missing' });
    // A whole epoch that is left out, its close with it.
    for (const [from, count] of [[0, 5], [5, 1], [6, 2]] as const) await expect(verifierOf(publish(whole.toSpliced(from, count))).verify()).rejects.toMatchObject({ kind: 'missing' });
    await expect(verifierOf(publish([closeOf(0, 0, 2n)])).verify()).rejects.toMatchObject({ kind: 'missing' });
    await expect(verifierOf(publish([closeOf(0, 0), closeOf(0, 0, 2n), entryOf(0)])).verify()).rejects.toMatchObject({ kind: 'order' });
  });

  it('finds an act that is missing, the first as well', async () => {
    const acts = [1, 2, 3].map((position) => entryOf(position, { type: 'admin.acted', producer: 'admin.acted', epoch: 0n }));
    await expect(verifierOf(publish(acts)).verify()).resolves.toBeDefined();
    for (const at of [0, 1]) await expect(verifierOf(publish(acts.toSpliced(at, 1))).verify()).rejects.toMatchObject({ kind: 'missing' });
  });
});

describe('log entries', () => {
  const hashes = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const anyEntry: fc.Arbitrary<LogEntry> = fc.record({
    type: fc.constantFrom(...ENTRY_TYPES),
    producer: fc.string({ unit: 'grapheme' }),
    epoch: fc.bigInt(0n, (1n << 64n) - 1n),
    seq: fc.bigInt(0n, (1n << 64n) - 1n),
    minuteMs: fc.nat(4_000_000_000).map((seconds) => toMinuteMs(seconds * 1000)),
    commitments: fc.array(fc.record({ name: fc.string(), hash: hashes.map((bytes) => Buffer.from(bytes)) }), { maxLength: 10 }),
  }).chain((entry) => (entry.type === 'epoch.closed' ? fc.tuple(fc.bigInt(0n, (1n << 64n) - 1n), fc.bigInt(0n, (1n << 64n) - 1n)).map(([ends, after]) => ({ ...entry, ends, ...(after < entry.epoch - 1n && { after }) })) : fc.constant(entry)));

  it('read back as they were written', () => {
    fc.assert(fc.property(anyEntry, (entry) => {
      expect(decodeLogEntry(encodeLogEntry(entry))).toEqual(entry);
    }));
  });

  it('have one form only', () => {
    const text = entryOf(1).toString();
    expect(text).toMatch(/^\{"v":1,"type":"call\.completed","producer":"gateway-1","epoch":"1","seq":"1","minute":"2023-11-14T22:14Z","commitments":\[\["prompt","[A-Za-z0-9_-]{43}"\]\]\}$/);
    for (const other of [` ${text}`, text.replace('"v":1', '"v":2'), text.replace('"1"', '"01"'), text.replace(',"seq"', ',"x":0,"seq"'), text.replace('completed', 'forgotten'), text.replace(':14Z', ':14:30Z'), '[]', 'null', '', text.replace('call.completed', 'epoch.closed'), text.replace(/}$/, ',"ends":"1"}')]) {
      expect(() => decodeLogEntry(Buffer.from(other))).toThrow(expect.objectContaining({ kind: 'entry' }));
    }
  });

  it('longer than a bundle can hold are refused', () => {
    expect(() => entryOf(1, { producer: 'x'.repeat(65_536) })).toThrow(expect.objectContaining({ kind: 'entry' }));
  });
});
