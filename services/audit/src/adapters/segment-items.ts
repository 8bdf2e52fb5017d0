import type { SegmentEntry } from '@sluice/events';
import type { Item, Place } from '../domain/call.ts';
import { clean } from './clean.ts';
import { readSegment } from './read-segment.ts';

/** A segment as it is kept. */
export interface KeptSegment {
  readonly kind: 'segment' | 'late' | 'unreadable';
  readonly place: Place;
  readonly bytes: Uint8Array;
  /** 0 when it cannot be read. */
  readonly builtAtMs: number;
}

/** What came, and what is to be kept of it; undefined for a close. */
export interface DecodedEntry {
  readonly item: Item;
  readonly kept: KeptSegment | undefined;
}

/** Reads the clear part of an entry. A segment that cannot be read is kept all the same, and said to be so. */
export function decodeEntry(entry: SegmentEntry): DecodedEntry {
  if (entry.kind === 'closed') return { item: { kind: 'closed', place: { producer: clean(entry.producer), epoch: entry.epoch, seq: entry.seq }, ...(entry.preceding !== undefined && { preceding: entry.preceding }) }, kept: undefined };
  const { producer, epoch, seq, bytes } = entry.segment;
  const place: Place = { producer: clean(producer), epoch, seq };
  try {
    const { builtAtMs, facts } = readSegment(bytes);
    const item: Item = entry.kind === 'late' ? { kind: 'late', place, bytes } : { kind: 'segment', place, facts };
    return { item, kept: { kind: entry.kind, place, bytes, builtAtMs } };
  } catch {
    // The reason is always the same, bytes that are no segment; the leaf and the counter say that it happened.
    return { item: { kind: 'unreadable', place, bytes }, kept: { kind: 'unreadable', place, bytes, builtAtMs: 0 } };
  }
}
