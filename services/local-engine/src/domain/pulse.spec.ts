import { beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock } from '@sluice/clock';
import { Pulse } from './pulse.ts';

const MINUTE_MS = 60_000;

describe('Pulse', () => {
  let clock: ManualClock;
  let pulse: Pulse;
  let pings: number;
  let hangs: string[];
  let isAnswering: boolean;
  /** What the process does when it is asked; a process that hangs does nothing. */
  let onPing: () => void;
  beforeEach(() => {
    [clock, pings, hangs, isAnswering, onPing] = [new ManualClock(), 0, [], true, () => undefined];
    pulse = new Pulse({
      clock,
      ping: () => {
        pings++;
        onPing();
      },
      isAnswering: () => isAnswering,
      onHang: (reason) => void hangs.push(reason),
    });
  });

  it('finds a process that answers nothing for a minute, says so once, and asks no more', () => {
    clock.advance(MINUTE_MS);
    expect(hangs).toEqual([]);
    clock.advance(5_000);
    expect(hangs).toEqual(['gave no sign of life for 60 s']);
    const before = pings;
    clock.advance(60 * MINUTE_MS);
    expect({ hangs: hangs.length, pings }).toEqual({ hangs: 1, pings: before });
  });

  it('calls a process silent after fifteen seconds without an answer, until it answers', () => {
    clock.advance(15_000);
    expect(pulse.isSilent).toBe(false);
    clock.advance(5_000);
    expect(pulse.isSilent).toBe(true);
    pulse.answered(0);
    expect(pulse.isSilent).toBe(false);
  });

  it('leaves one alone that answers late, also when it is idle for days', () => {
    isAnswering = false;
    for (let round = 0; round < 1000; round++) {
      clock.advance(MINUTE_MS);
      pulse.answered(7);
    }
    expect(hangs).toEqual([]);
  });

  it('leaves one alone that decodes, however slowly', () => {
    let decoded = 0;
    for (let batch = 0; batch < 100; batch++) {
      decoded += 512;
      onPing = () => pulse.answered(decoded);
      clock.advance(4 * MINUTE_MS);
    }
    expect(hangs).toEqual([]);
  });

  it('finds one that answers and has work, but decodes nothing for five minutes', () => {
    onPing = () => pulse.answered(7);
    clock.advance(4 * MINUTE_MS);
    expect(hangs).toEqual([]);
    clock.advance(2 * MINUTE_MS);
    expect(hangs).toEqual(['decoded nothing for 300 s']);
  });

  it('holds nothing against a process that was paused together with the engine', () => {
    // The timer of a process that was paused fires once, not once for each period that it missed.
    let beat: () => void = () => undefined;
    const paused = new ManualClock();
    const every = (_periodMs: number, run: () => void) => {
      beat = run;
      return { cancel: () => undefined };
    };
    pulse = new Pulse({ clock: { wallMs: () => paused.wallMs(), monotonicMs: () => paused.monotonicMs(), after: () => ({ cancel: () => undefined }), every }, ping: () => undefined, isAnswering: () => true, onHang: (reason) => void hangs.push(reason) });
    beat();
    paused.jump(24 * 60 * MINUTE_MS);
    beat();
    expect(hangs).toEqual([]);
    for (let missed = 0; missed < 11; missed++) beat();
    expect(hangs).toHaveLength(1);
  });

  it('asks nothing after its end', () => {
    pulse.stop();
    clock.advance(10 * MINUTE_MS);
    expect({ pings, hangs }).toEqual({ pings: 0, hangs: [] });
  });
});
