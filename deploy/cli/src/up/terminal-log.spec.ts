import { expect, it } from '@jest/globals';
import { TerminalLog } from './terminal-log.ts';

const MINUTE_MS = 60_000;

it('has warnings and errors with their cause, and what is said again after a minute', () => {
  let nowMs = 0;
  let written = '';
  const log = new TerminalLog({ write: (text) => (written += text) }, { monotonicMs: () => nowMs });
  const say = (fields: object, who?: string): string => {
    written = '';
    log.show(JSON.stringify({ level: 'warn', time: 't', ...fields, msg: 'm' }), who);
    return written;
  };
  expect(say({ level: 'info' })).toBe('');
  expect(say({})).toBe('warn: m\n');
  expect(say({ reason: 'so', code: 'x', error: { name: 'E' } })).toBe('warn: m (so)\n');
  expect(say({ code: 'unavailable', error: { name: 'SqlError', frames: [] } })).toBe('warn: m (unavailable)\n');
  expect(say({ level: 'error', error: { name: 'ServiceError', message: 'No.' } }, 'audit')).toBe('audit: error: m (No.)\n');
  expect(say({ error: { name: 'SqlError' } }, 'audit')).toBe('audit: warn: m (SqlError)\n');
  expect(say({ error: { name: 'SqlError' } }, 'billing')).toBe('billing: warn: m (SqlError)\n');
  nowMs = MINUTE_MS - 1;
  expect([say({}), say({ reason: 'so', reader: 'another' })]).toEqual(['', '']);
  nowMs = MINUTE_MS;
  expect([say({}), say({})]).toEqual(['warn: m\n', '']);
});

it('remembers a bounded number of texts', () => {
  let lines = 0;
  const log = new TerminalLog({ write: () => lines++ }, { monotonicMs: () => 0 });
  for (let round = 0; round < 2; round++) for (let at = 0; at < 250; at++) log.show(JSON.stringify({ level: 'warn', msg: String(at) }));
  expect(lines).toBe(500);
});

it('passes over what is no line of a log, and goes on', () => {
  let written = '';
  const log = new TerminalLog({ write: (text) => (written += text) }, { monotonicMs: () => 0 });
  const line = JSON.stringify({ level: 'error', time: 't', msg: 'm' });
  for (let end = 0; end < line.length; end++) log.show(line.slice(0, end), 'audit');
  for (const other of [`${line}${line}`, 'words with "level":"error" in them', '["level":"error"]', '[{"level":"error"}]', '{"level":"error"}', '"\\"level\\":\\"error\\""']) log.show(other, 'audit');
  expect(written).toBe('');
  log.show(line, 'audit');
  expect(written).toBe('audit: error: m\n');
});
