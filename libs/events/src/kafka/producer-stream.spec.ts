import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { SegmentEntry } from '../event-log.ts';
import { streamBatch, type EpochState, type StreamedBatch } from './producer-stream.ts';
import { epochAt, type SegmentRecord } from './segment-record.ts';

const opened = (offset: number, take: number, taker = 'one', producer = 'p'): SegmentRecord => ({ kind: 'opened', producer, epoch: epochAt(BigInt(offset)), taker, take: BigInt(take) });
const segment = (epoch: number, seq: number, producer = 'p'): SegmentRecord => ({ kind: 'segment', producer, epoch: BigInt(epoch), seq: BigInt(seq), bytes: Buffer.from(`${epoch}.${seq}`) });
const closed = (epoch: number, segments?: number): SegmentRecord => ({ kind: 'closed', producer: 'p', epoch: BigInt(epoch), segments: segments === undefined ? undefined : BigInt(segments) });
const show = (entry: SegmentEntry): string => (entry.kind === 'closed' ? `closed ${entry.epoch} after ${entry.preceding}: ${entry.seq}` : `${entry.kind} ${entry.segment.epoch}.${entry.segment.seq}`);
const shown = (records: SegmentRecord[], isWhole = true): string[] => streamBatch(records, [], isWhole).entries.map(show);

describe('the log of segments', () => {
  it('hands over what lies in an open epoch once, and its close', () => {
    expect(shown([opened(0, 1), segment(1, 0), segment(1, 1), segment(1, 1), segment(1, 2), closed(1), closed(1)])).toEqual(['segment 1.0', 'segment 1.1', 'segment 1.2', 'closed 1 after 0: 3']);
  });

  it('closes an epoch with the next one, and tells what comes late from what comes again', () => {
    expect(shown([opened(0, 1), segment(1, 0), opened(2, 1, 'two'), segment(1, 0), segment(1, 1), segment(3, 0), segment(1, 1), closed(1)]))
      .toEqual(['segment 1.0', 'closed 1 after 0: 1', 'late 1.1', 'segment 3.0']);
    expect(shown([opened(0, 1), opened(5, 1, 'two'), closed(6)])).toEqual(['closed 1 after 0: 0', 'closed 6 after 1: 0']);
  });

  it('passes over an attempt to take an epoch that comes behind the one that followed it', () => {
    expect(shown([opened(0, 2), segment(1, 0), opened(2, 1), segment(1, 1), opened(4, 3), segment(5, 0)])).toEqual(['segment 1.0', 'segment 1.1', 'closed 1 after 0: 2', 'segment 5.0']);
  });

  it('counts nothing of an epoch that nobody has opened, and takes it for no producer\'s newest', () => {
    expect(shown([segment(9, 0), opened(3, 1), segment(4, 0), segment(9, 0), segment(9, 1)])).toEqual(['late 9.0', 'segment 4.0', 'late 9.1']);
    expect(shown([closed(9)])).toEqual([]);
  });

  it('begins in the middle where the beginning was cut off', () => {
    expect(shown([segment(7, 3), segment(7, 4), closed(7), segment(7, 5), opened(20, 1), segment(21, 0)], false)).toEqual(['segment 7.3', 'segment 7.4', 'closed 7 after 0: 5', 'late 7.5', 'segment 21.0']);
    expect(shown([closed(7, 12), opened(20, 1), closed(21)], false)).toEqual(['closed 7 after 0: 12', 'closed 21 after 7: 0']);
  });

  it('says what is missing', () => {
    expect(streamBatch([opened(0, 1), segment(1, 0), segment(1, 2)], [], true).gaps).toEqual([{ producer: 'p', epoch: 1n, expected: 1n, found: 2n }]);
    const missing = (...records: SegmentRecord[]) => streamBatch(records, [], true).gaps.map(({ expected, found }) => [expected, found]);
    expect(missing(opened(0, 1), segment(1, 0), closed(1, 3))).toEqual([[1n, 3n]]);
    expect(missing(opened(0, 1), segment(1, 0), closed(1, 1), closed(1, 5))).toEqual([]);
    expect(missing(opened(0, 1), segment(1, 0), closed(1))).toEqual([]);
  });

  it('means the same in whatever batches it is read', () => {
    const RECORDS = fc.array(fc.oneof(
      fc.tuple(fc.constantFrom('one', 'two'), fc.nat(3), fc.constantFrom('p', 'q')).map(([taker, take, producer]) => (offset: number) => opened(offset, take, taker, producer)),
      fc.tuple(fc.nat(20), fc.nat(3), fc.constantFrom('p', 'q')).map(([epoch, seq, producer]) => () => segment(epoch, seq, producer)),
      fc.nat(20).map((epoch) => () => closed(epoch)),
    ), { maxLength: 30 }).map((makers) => makers.map((make, offset) => make(offset)));
    fc.assert(fc.property(RECORDS, fc.infiniteStream(fc.integer({ min: 1, max: 5 })), fc.boolean(), (records, sizes, isWhole) => {
      const atOnce = streamBatch(records, [], isWhole);
      const kept = new Map<string, EpochState>();
      const inParts: StreamedBatch[] = [];
      for (let from = 0; from < records.length;) {
        const to = from + sizes.next().value!;
        const batch = streamBatch(records.slice(from, to), [...kept.values()], isWhole);
        for (const state of batch.changed) kept.set(`${state.producer} ${state.epoch}`, state);
        inParts.push(batch);
        from = to;
      }
      expect(inParts.flatMap(({ entries }) => entries.map(show))).toEqual(atOnce.entries.map(show));
      // One close at most of each epoch, and nothing twice.
      const said = atOnce.entries.map((entry) => `${entry.kind === 'closed' ? `closed ${entry.producer} ${entry.epoch}` : `${entry.segment.producer} ${entry.segment.epoch}.${entry.segment.seq}`}`);
      expect(new Set(said).size).toBe(said.length);
    }));
  });
});
