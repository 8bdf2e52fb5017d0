import { describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { SqlError, toSqlError } from './sql-error.ts';

const server = (code: string, message: string, constraint?: string): pg.DatabaseError => Object.assign(new pg.DatabaseError(message, 0, 'error'), { code, constraint });

describe('toSqlError', () => {
  it.each(['EPIPE', 'ECONNRESET', 'ECONNREFUSED', 'ENOENT', 'ETIMEDOUT', undefined])('takes %s from the connection as unavailable, also where it looks like a SQLSTATE', (code) => {
    expect(toSqlError(Object.assign(new Error('Connection terminated'), { code }))).toMatchObject({ kind: 'unavailable', sqlState: code });
  });

  it('knows a full disk in each of its forms, and no other I/O error', () => {
    expect(toSqlError(server('53100', 'could not extend file')).kind).toBe('disk_full');
    expect(toSqlError(server('58030', 'could not write to file "x": No space left on device')).kind).toBe('disk_full');
    expect(toSqlError(server('58030', 'could not read file "x": Input/output error')).kind).toBe('refused');
  });

  it('shows a constraint, never a value', () => {
    const error = toSqlError(server('23505', 'Key (prompt)=(secret) exists', 'prompt_key'));
    expect(error).toMatchObject({ kind: 'unique_violation', constraint: 'prompt_key' });
    expect(error.message).toBe('23505: constraint or value refused: prompt_key');
    expect(toSqlError(server('22P02', 'invalid input: "secret"')).message).not.toContain('secret');
  });

  it('does not take a fault of the program for an outage', () => {
    expect(toSqlError(new TypeError('Do not know how to serialize a BigInt')).kind).toBe('refused');
    const own = new SqlError('conflict', 'x');
    expect(toSqlError(own)).toBe(own);
  });
});
