import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { create } from '@bufbuild/protobuf';
import { AdminActedSchema } from '@sluice/proto/events/v1/calls';
import { rootKeyFrom } from '@sluice/envelope';
import { formatCheckpoint, formatVerifierKey, LogFault, LogVerifier, openNote, parseCheckpoint, signerFromSeed, signNote, type Checkpoint } from '@sluice/transparency';
import { startAuditTables, segmentEntries, type AuditTables } from '../testing/audit-tables.ts';
import { callIdOf, CallScript, ORGANISATION, ScriptedProducer } from '../testing/call-script.ts';
import { GoVerifier } from '../testing/go-verifier.ts';
import { consumeAct } from './acts.consumer.ts';
import { signCheckpoint } from './checkpoints-sql.ts';
import { openLog } from './log-sql.ts';

type Files = Map<string, Uint8Array>;

const BUILD_AND_FILL_MS = 240_000;
/** Each costs a process; the fast verifier sees many more. */
const GO_MUTATIONS = 60;
const FAST_MUTATIONS = 400;

let go: GoVerifier;
let tables: AuditTables;
let vkey: string;
/** Published at several sizes of the same growing log. */
const published: { files: Files; checkpoint: Checkpoint }[] = [];

let next = 0;
const producers = [new ScriptedProducer('gateway-1', 1n), new ScriptedProducer('gateway-2', 1n)];

/** Calls in batches, through the consumer, from two producers in turn. */
async function fill(calls: number): Promise<void> {
  for (let left = calls; left > 0; left -= 100) {
    const records = Array.from({ length: Math.min(100, left) }, () => new CallScript(callIdOf(next++)).whole()).flat();
    await tables.consume(segmentEntries(producers[next % 2]!.segments(records)));
  }
}

async function publish(): Promise<void> {
  await tables.sign();
  const files = await tables.publish();
  published.push({ files, checkpoint: parseCheckpoint(openNote(files.get('checkpoint')!, [tables.signer])) });
}

beforeAll(async () => {
  [go, tables] = await Promise.all([GoVerifier.build(), startAuditTables()]);
  vkey = (await publish(), (await tables.audit.getCheckpoint({})).verifierKey);
  for (const calls of [1, 255, 400, 2500]) {
    await fill(calls);
    await publish();
  }
}, BUILD_AND_FILL_MS);
afterAll(async () => {
  await go?.remove();
  await tables?.stop();
});

const newest = () => published.at(-1)!;
const verifierOf = (files: Files): LogVerifier => new LogVerifier(async (path) => files.get(path) ?? Promise.reject(new LogFault('tile', `no ${path}`)), tables.signer);
const fastFault = (files: Files, earlier?: Checkpoint): Promise<string | undefined> => verifierOf(files).verify(earlier).then(() => undefined, (fault: Error) => (fault.name === 'LogFault' ? fault.message : Promise.reject(fault)));

describe('the published log', () => {
  it('is right at every size by a verifier that others wrote, and continues every earlier checkpoint', async () => {
    expect(published.map(({ checkpoint }) => checkpoint.size)).toEqual([0n, 1n, 256n, 656n, 3156n]);
    for (const [index, { files }] of published.entries()) {
      expect(await go.fault(files, vkey)).toBeUndefined();
      for (const { checkpoint } of published.slice(0, index)) {
        expect(await go.fault(files, vkey, checkpoint)).toBeUndefined();
        expect(await fastFault(files, checkpoint)).toBeUndefined();
      }
    }
  });

  it('says of each producer which segments its entries name', async () => {
    const { producers: reports } = await verifierOf(newest().files).verify();
    expect(reports.map(({ producer, epoch }) => [producer, epoch])).toEqual(expect.arrayContaining([['gateway-1', 1n], ['gateway-2', 1n]]));
    expect(reports.reduce((sum, { byType }) => sum + byType['call.completed']!, 0)).toBe(3156);
  });

  it('still serves the tiles of every published size', async () => {
    for (const { files } of published) {
      for (const [path, bytes] of files) if (path !== 'checkpoint') expect(Buffer.from((await tables.audit.getTile({ path })).data)).toEqual(Buffer.from(bytes));
    }
  });

  it.each(['tile/0/001.p/3/', 'tile/0/x999/999', 'tile/5/000.p/1', 'tile/entries/012.p/200', 'checkpoint', '../etc/passwd'])('has no %s', async (path) => {
    await expect(tables.audit.getTile({ path })).rejects.toMatchObject({ code: 'not_found' });
  });

  it('shows nothing of a prompt, a person or a model', () => {
    for (const bytes of newest().files.values()) {
      for (const secret of ['asked', ORGANISATION, 'key_1', 'small', 'proj_1']) expect(Buffer.from(bytes).includes(secret)).toBe(false);
    }
  });
});

describe('tampering', () => {
  /** Changes a byte, drops, cuts, extends, or swaps a file. */
  const mutation = fc.record({ kind: fc.constantFrom('flip', 'drop', 'cut', 'extend', 'swap'), file: fc.nat(), other: fc.nat(), at: fc.nat(), bit: fc.nat(7) });
  type Mutation = { kind: string; file: number; other: number; at: number; bit: number };

  function mutate(files: Files, { kind, file, other, at, bit }: Mutation): Files {
    const paths = [...files.keys()];
    const path = paths[file % paths.length]!;
    const bytes = Buffer.from(files.get(path)!);
    const changed = new Map(files);
    if (kind === 'drop') changed.delete(path);
    else if (kind === 'cut') changed.set(path, bytes.subarray(0, at % bytes.length));
    else if (kind === 'extend') changed.set(path, Buffer.concat([bytes, Buffer.of(bit)]));
    else if (kind === 'swap') changed.set(path, files.get(paths.filter((candidate) => !Buffer.from(files.get(candidate)!).equals(bytes))[other % (paths.length - 1)]!)!);
    else {
      bytes[at % bytes.length]! ^= 1 << bit;
      changed.set(path, bytes);
    }
    return changed;
  }

  it('with any file is found by both verifiers', async () => {
    const { files } = published[3]!;
    await fc.assert(fc.asyncProperty(mutation, async (change) => {
      expect(await go.fault(mutate(files, change), vkey)).toBeDefined();
    }), { numRuns: GO_MUTATIONS });
    await fc.assert(fc.asyncProperty(mutation, async (change) => {
      expect(await fastFault(mutate(files, change))).toBeDefined();
    }), { numRuns: FAST_MUTATIONS });
  }, 240_000);

  it('by another key is found', async () => {
    const thief = signerFromSeed(tables.signer.name, Buffer.alloc(32, 9));
    const { files, checkpoint } = published[3]!;
    const forged = new Map(files).set('checkpoint', signNote(formatCheckpoint(checkpoint), thief));
    expect(await go.fault(forged, vkey)).toContain('no verifiable signatures');
    expect(await fastFault(forged)).toContain('No signature of an expected key');
    expect(await go.fault(forged, formatVerifierKey(thief))).toBeUndefined();
  });

  it('by the operator, with the right key and a log made anew, is found by whoever remembers a checkpoint', async () => {
    const fork = await startAuditTables();
    try {
      const [a, b] = [new ScriptedProducer('gateway-1', 1n), new ScriptedProducer('gateway-2', 1n)];
      await fork.consume(segmentEntries([...a.segments(new CallScript(callIdOf(90_000)).whole()), ...b.segments(Array.from({ length: 700 }, (_, at) => new CallScript(callIdOf(91_000 + at)).whole()).flat())]));
      const size = (await fork.sql.query<{ size: bigint; frontier: Buffer }>('SELECT size FROM log'))[0]!.size;
      await fork.sign();
      const files = await fork.publish();
      const root = parseCheckpoint(openNote(files.get('checkpoint')!, [fork.signer])).root;
      files.set('checkpoint', signNote(formatCheckpoint({ origin: tables.signer.name, size, root }), tables.signer));
      expect(await fastFault(files)).toBeUndefined();
      for (const { checkpoint } of published.filter((one) => one.checkpoint.size > 0n)) {
        expect(await go.fault(files, vkey, checkpoint)).toBeDefined();
        expect(await fastFault(files, checkpoint)).toBeDefined();
      }
      expect(await go.fault(published[2]!.files, vkey, newest().checkpoint)).toContain('smaller');
    } finally {
      await fork.stop();
    }
  });
});

describe('tampering with the rows', () => {
  it.each([
    ["UPDATE leaf SET entry = 'x' WHERE idx = 5"], ['DELETE FROM leaf WHERE idx = 5'], ['DELETE FROM leaf WHERE false'], ['TRUNCATE leaf'], ['TRUNCATE node'],
    ['UPDATE checkpoint SET size = 1'], ['DELETE FROM checkpoint'], ['TRUNCATE checkpoint'], ['DELETE FROM segment'], ['TRUNCATE segment'],
    ['DELETE FROM segment_2023_11'], ['TRUNCATE segment_2023_11'], ["UPDATE segment_2023_11 SET bytes = ''"], ['DELETE FROM pruning'],
  ])('by %s is refused', async (statement) => {
    await expect(tables.sql.query(statement)).rejects.toThrow('append-only');
  });

  it.each([
    ['edit', "UPDATE leaf SET entry = replace(convert_from(entry, 'UTF8'), 'gateway-2', 'gateway-3')::bytea WHERE idx = (SELECT max(idx) FROM leaf WHERE convert_from(entry, 'UTF8') LIKE '%gateway-2%')"],
    ['edit with its hash', "UPDATE leaf SET entry = '{}', leaf_hash = sha256('\\x007b7d'::bytea) WHERE idx = 300"],
    ['delete', 'DELETE FROM leaf WHERE idx = 2000'],
    ['reorder', 'UPDATE leaf l SET entry = o.entry, leaf_hash = o.leaf_hash FROM leaf o WHERE (l.idx, o.idx) IN ((300, 301), (301, 300))'],
    ['truncate', 'DELETE FROM leaf WHERE idx >= 3000'],
    ['node', "UPDATE node SET hash = sha256('x') WHERE level = 1 AND idx = 3"],
  ])('past the guards (%s) is found by both verifiers', async (_, statement) => {
    const undo = new Error('undo');
    const files: Files = new Map();
    // In a transaction that is rolled back: the triggers are off in it, as for one who owns the tables.
    await expect(tables.sql.transaction(async (transaction) => {
      await transaction.query("SET LOCAL session_replication_role = 'replica'");
      await transaction.query(statement);
      const rows = await transaction.query<{ idx: bigint; entry: Buffer; leaf_hash: Buffer }>('SELECT idx, entry, leaf_hash FROM leaf ORDER BY idx');
      const nodes = await transaction.query<{ hash: Buffer }>('SELECT hash FROM node WHERE level = 1 ORDER BY idx');
      for (const [path, bytes] of newest().files) files.set(path, republished(path, bytes, rows, nodes));
      throw undo;
    })).rejects.toBe(undo);
    expect(await go.fault(files, vkey)).toBeDefined();
    expect(await fastFault(files)).toBeDefined();
  });

  /** The file as the service would serve it from these rows. */
  function republished(path: string, bytes: Uint8Array, rows: readonly { entry: Buffer; leaf_hash: Buffer }[], nodes: readonly { hash: Buffer }[]): Uint8Array {
    const [, level, index] = /^tile\/(entries|\d)\/(\d{3})/.exec(path) ?? [];
    const from = Number(index) * 256;
    if (level === 'entries') return Buffer.concat(rows.slice(from, from + 256).flatMap(({ entry }) => [Buffer.of(entry.length >> 8, entry.length & 255), entry]));
    if (level === '0') return Buffer.concat(rows.slice(from, from + 256).map((row) => row.leaf_hash));
    return level === '1' ? Buffer.concat(nodes.slice(from, from + 256).map(({ hash }) => hash)) : bytes;
  }
});

describe('the signer', () => {
  it('signs a size once, whoever asks at the same time', async () => {
    await fill(10);
    await Promise.all([tables.sign(), tables.sign(), tables.sign()]);
    await tables.sign();
    const rows = await tables.sql.query<{ size: bigint }>('SELECT size FROM checkpoint ORDER BY size');
    expect(rows.map(({ size }) => size)).toEqual([0n, 1n, 256n, 656n, 3156n, 3166n]);
  });

  it('keeps its name and its key over a restart, and refuses another name', async () => {
    const rootKey = rootKeyFrom(Buffer.alloc(32, 1));
    const again = await openLog(tables.sql, rootKey, tables.ids, undefined);
    expect(formatVerifierKey(again)).toBe(vkey);
    await expect(openLog(tables.sql, rootKey, tables.ids, 'another.example')).rejects.toMatchObject({ code: 'failed_precondition', message: expect.stringContaining('audit.example/log') });
    await expect(openLog(tables.sql, rootKeyFrom(Buffer.alloc(32, 2)), tables.ids, undefined)).rejects.toMatchObject({ code: 'internal' });
  });

  it('signs nothing more when entries that were signed are gone', async () => {
    const undo = new Error('undo');
    const lost = tables.sql.transaction(async (transaction) => {
      await transaction.query('UPDATE log SET size = 0, frontier = $1', [Buffer.alloc(0)]);
      await signCheckpoint({ query: transaction.query, transaction: (work) => work(transaction) }, tables.signer, 0);
      throw undo;
    });
    await expect(lost).rejects.toMatchObject({ code: 'internal', message: expect.stringContaining('entries are lost') });
  });
});

describe('an act of an administrator', () => {
  it('is a row and a leaf at its position, listed newest first in its organisation', async () => {
    for (const position of [1n, 2n, 3n]) {
      const message = create(AdminActedSchema, { id: `act_${position}`, organisationId: position === 2n ? 'org_2' : ORGANISATION, actor: { keyId: 'key_a', organisationId: ORGANISATION }, action: 'key.created', object: `api_key:${position}`, actedAtMs: 1_700_000_000_000n, detailJson: '{}' });
      await tables.sql.transaction((transaction) => consumeAct(transaction, { position, key: ORGANISATION, message }, tables.ids));
    }
    const { acts, hasMore } = await tables.audit.listActs({ organisationId: ORGANISATION, limit: 1 });
    expect([acts.map(({ act }) => act!.id), hasMore]).toEqual([['act_3'], true]);
    const rest = await tables.audit.listActs({ organisationId: ORGANISATION, after: 'act_3' });
    expect([rest.acts.map(({ act }) => act!.object), rest.hasMore]).toEqual([['api_key:1'], false]);
    expect((await tables.audit.listActs({ organisationId: ORGANISATION, after: 'act_1' })).acts).toEqual([]);
    for (const after of ['rubbish', 'act_2']) await expect(tables.audit.listActs({ organisationId: ORGANISATION, after })).rejects.toMatchObject({ code: 'invalid_value', param: 'after' });
    await publish();
    const { producers: reports } = await verifierOf(newest().files).verify();
    expect(reports.find(({ producer }) => producer === 'admin.acted')).toMatchObject({ epoch: 0n, firstSeq: 1n, lastSeq: 3n, entries: 3 });
  });
});
