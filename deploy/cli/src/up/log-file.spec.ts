import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { LogFile } from './log-file.ts';

describe('the log file', () => {
  let folder: string;
  let path: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-log-'));
    path = join(folder, 'sluice.log');
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('keeps every line in order, goes on where it stopped, and is nobody else’s to read', () => {
    for (const word of ['a', 'b']) {
      const log = new LogFile(path);
      log.write(`${word}1\n`);
      log.write(`${word}2\n`);
      log.close();
    }
    expect(readFileSync(path, 'utf8')).toBe('a1\na2\nb1\nb2\n');
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('is bounded: three files, the oldest lines go first', () => {
    const log = new LogFile(path, { rotateAtBytes: 100 });
    for (let line = 0; line < 100; line++) {
      log.write(`${String(line).padStart(9, '0')}\n`);
      log.flush();
    }
    log.close();
    expect(readdirSync(folder).toSorted()).toEqual(['sluice.log', 'sluice.log.1', 'sluice.log.2']);
    const kept = ['.2', '.1', ''].map((end) => readFileSync(path + end, 'utf8')).join('').trim().split('\n').map(Number);
    expect(kept.at(-1)).toBe(99);
    expect(kept).toEqual(Array.from({ length: kept.length }, (_, index) => 100 - kept.length + index));
    for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(100);
  });

  it('drops what comes after its end, and writes it to no other file that has its number by then', () => {
    const log = new LogFile(path);
    log.write('in time\n');
    log.close();
    const others = new LogFile(join(folder, 'other.log'));
    log.write('late\n');
    log.flush();
    log.close();
    others.write('of the other\n');
    others.close();
    expect([readFileSync(path, 'utf8'), readFileSync(join(folder, 'other.log'), 'utf8')]).toEqual(['in time\n', 'of the other\n']);
  });
});
