import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SmallLog } from '../testing/small-log.ts';
import { KnownLog } from './known-log.ts';

describe('what is known of a log', () => {
  let dir: string;
  beforeEach(() => { dir = mkdtempSync(join(tmpdir(), 'sluice-known-')); });
  afterEach(() => rmSync(dir, { recursive: true }));

  const places = (known: KnownLog): unknown[] => known.seen.map(({ place, checkpoint }) => [place, Number(checkpoint.size)]);

  it('is its own history and what was seen of it elsewhere, also when its own is the longer one', () => {
    const [original, fork] = [new SmallLog().addCalls(5), new SmallLog().addCalls(9)];
    const trust = (ownHistory: boolean) => ({ newLog: false, ownHistory });
    const key = original.verifierKey.trim();
    const open = (place: string, ownHistory: boolean): KnownLog => KnownLog.open(dir, place, key, trust(ownHistory));
    expect(places(open('one', false))).toEqual([]);
    open('one', false).remember(original.checkpoint(), 1);
    expect(places(open('one', false))).toEqual([['one', 5]]);
    expect(places(open('drill', true))).toEqual([]);
    open('drill', true).remember(fork.checkpoint(), 2);
    expect(places(open('drill', true))).toEqual([['drill', 9]]);
    expect(places(open('drill', false))).toEqual([['drill', 9], ['one', 5]]);
    expect(open('drill', false).explainFork(open('drill', false).seen[1]!)).toContain('Another copy of this log, seen at one');
    expect(places(open('one', false))).toEqual([['one', 5]]);
  });
});
