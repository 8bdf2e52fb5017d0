import { describe, expect, it } from '@jest/globals';
import { ServiceError } from '@sluice/errors';
import fc from 'fast-check';
import { createLogger } from './index.ts';

function capture() {
  const lines: string[] = [];
  const logger = createLogger({ level: 'info', destination: { write: (line: string) => void lines.push(line) }, fields: { process: 'test' } });
  return { logger, lines, last: () => JSON.parse(lines.at(-1)!) as Record<string, unknown> };
}

describe('logger', () => {
  it('writes one JSON object a line with level, time, bound fields and message', () => {
    const { logger, last } = capture();
    logger.child({ call: 'c1' }).info({ tokens: 3n }, 'done');
    expect(last()).toMatchObject({ level: 'info', process: 'test', call: 'c1', tokens: '3', msg: 'done', time: expect.stringMatching(/^\d{4}-/) });
  });

  it('says nothing below its level', () => {
    const { logger, lines } = capture();
    logger.debug({}, 'x');
    expect(lines).toEqual([]);
  });

  it('never lets a key pass, wherever it stands', () => {
    const { logger, lines } = capture();
    const key = fc.stringMatching(/^sk-sluice-[A-Za-z0-9_-]{43}$/);
    fc.assert(fc.property(key, fc.string(), (secret, before) => {
      const text = `${before} ${secret} after`;
      logger.warn({ field: text, error: new Error(text) }, text);
      expect(lines.at(-1)).not.toContain(secret);
    }));
  });

  it('drops the message of a foreign error, which may quote what it choked on, and keeps where it happened', () => {
    const { logger, lines, last } = capture();
    try {
      JSON.parse('{"planted prompt');
    } catch (thrown) {
      logger.error({ error: thrown as Error, cause: new ServiceError('internal', 'public text', { cause: new Error('planted answer') }) }, 'failed');
    }
    expect(lines.at(-1)).not.toMatch(/planted/);
    expect(last()).toMatchObject({ error: { name: 'SyntaxError' }, cause: { code: 'internal', message: 'public text', cause: { name: 'Error' } } });
  });

  it('has the word of our own libraries for what went wrong, and nothing that may be content in its place', () => {
    const { logger, last } = capture();
    const of = (kind: unknown): object => (logger.error({ error: Object.assign(new Error('x'), { kind }) }, 'failed'), last()['error'] as object);
    expect(of('unavailable')).toMatchObject({ code: 'unavailable' });
    for (const kind of ['planted prompt', 'Planted', 7, {}]) expect(of(kind)).not.toHaveProperty('code');
  });

  it('keeps one line per message, whatever the fields hold', () => {
    const { logger, lines } = capture();
    logger.info({ name: 'a\nb\u001b[31m' }, 'c\nd');
    expect(lines.at(-1)!.trimEnd()).not.toMatch(/[\n\u001b]/);
  });
});
