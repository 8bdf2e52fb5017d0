import { EventEmitter } from 'node:events';
import { describe, expect, it } from '@jest/globals';
import { onShutdownSignals } from './shutdown-signals.ts';

function stage() {
  const source = new EventEmitter();
  const said: string[] = [];
  let nowMs = 1_000;
  const release = onShutdownSignals({ drain: (signal) => said.push(`drain ${signal}`), hardStop: (signal) => said.push(`hard ${signal}`) }, source, () => nowMs);
  return { said, release, source, send: (signal: NodeJS.Signals) => source.emit(signal, signal), wait: (ms: number) => (nowMs += ms) };
}

describe('shutdown signals', () => {
  it.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('drain on the first %s and stop hard on the second', (signal) => {
    const { said, send, wait } = stage();
    send(signal);
    wait(250);
    send(signal);
    expect(said).toEqual([`drain ${signal}`, `hard ${signal}`]);
  });

  it('take the echo of a signal for the same wish', () => {
    const { said, send, wait } = stage();
    send('SIGINT');
    wait(5);
    send('SIGINT');
    wait(5);
    send('SIGTERM');
    expect(said).toEqual(['drain SIGINT']);
    wait(190);
    send('SIGTERM');
    expect(said).toEqual(['drain SIGINT', 'hard SIGTERM']);
  });

  it('are let go of', () => {
    const { said, send, release, source } = stage();
    release();
    send('SIGINT');
    expect(said).toEqual([]);
    expect(source.eventNames()).toEqual([]);
  });
});
