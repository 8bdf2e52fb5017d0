import { describe, expect, it } from '@jest/globals';
import { OtherRootKeyError } from '@sluice/platform';
import { SqlError } from '@sluice/sql';
import { dataFolder } from '../data-folder/data-folder.ts';
import { CommandFailed } from '../exit-code.ts';
import { startFailure } from './start-failure.ts';

const folder = dataFolder('/data');
const embedded = { folder, databaseUrl: undefined, rootKeyFile: undefined };
const onServer = { ...embedded, databaseUrl: 'postgresql://user:hidden@db:5432/x?password=hidden' };
const errno = (code: string, path?: string): Error => Object.assign(new Error(`${code}: raw`), { code, path });

describe('why a start failed', () => {
  it.each([
    ['ENOSPC', undefined, 'disk of /data is full'],
    ['EDQUOT', '/data/root.key', 'disk of /data/root.key is full'],
    ['EACCES', '/data/postgres', 'may not use /data/postgres'],
    ['EROFS', '/data/lock', 'cannot be written to'],
    ['ENOTDIR', '/data/models', 'is not a folder'],
    ['ENAMETOOLONG', '/data', 'longer than'],
    ['ELOOP', '/data', 'circle of symbolic links'],
    ['EIO', undefined, 'reports an error'],
    ['EMFILE', undefined, 'ulimit'],
  ])('is told for %s', (code, path, text) => {
    const failure = startFailure(errno(code, path), embedded);
    expect(failure).toBeInstanceOf(CommandFailed);
    expect((failure as Error).message).toContain(text);
  });

  it('is one line also when the database says it in many', () => {
    const failure = Object.assign(new Error('The database could not be made: FATAL\nNo space left on device\n...'), { name: 'DatabaseStartError' });
    expect(startFailure(failure, embedded)).toMatchObject({ message: expect.stringMatching(/^The disk of \/data is full[^\n]*$/) });
  });

  it('names the option where a listener fails, not the variable', () => {
    const failure = Object.assign(new Error('Port 80 of 0.0.0.0 is taken by another process. Choose another port with SLUICE_ADMIN_PORT.'), { name: 'ListenError' });
    expect(startFailure(failure, embedded)).toMatchObject({ message: expect.stringMatching(/with --admin-port\.$/) });
  });

  it('names whose database it is, and never its password', () => {
    const full = new SqlError('disk_full', 'The database has no room left.');
    expect(startFailure(full, embedded)).toMatchObject({ message: expect.stringContaining('disk of /data is full') });
    expect(startFailure(full, onServer)).toMatchObject({ message: expect.stringContaining('no room left on its disk') });
    const away = startFailure(new SqlError('unavailable', 'ECONNREFUSED: no'), onServer) as Error;
    expect(away.message).toContain('(db:5432/x)');
    expect(away.message).not.toContain('hidden');
    expect(startFailure(new SqlError('unavailable', 'gone'), embedded)).toMatchObject({ message: expect.stringContaining('/data/postgres.log') });
  });

  it('names the root key that is another one, the database, and the mend', () => {
    const other = new OtherRootKeyError('x');
    expect(startFailure(other, embedded)).toMatchObject({ message: expect.stringMatching(/^The root key \/data\/root\.key is not .* the embedded database in \/data was begun.*\nStart with the data folder .*--data.*SLUICE_ROOT_KEY_FILE.* another folder with --data\.$/) });
    const named = startFailure(other, { ...onServer, rootKeyFile: '/run/key' }) as Error;
    expect(named.message).toMatch(/^The root key \/run\/key \(SLUICE_ROOT_KEY_FILE\) is not .* the database of DATABASE_URL \(db:5432\/x\) .*\n.*another database \(DATABASE_URL\)\.$/);
    expect(startFailure(other, { ...onServer, stack: '/stack' })).toMatchObject({ message: expect.stringMatching(/ the database of the stack in \/stack .*\n.*another stack \(--stack\)\.$/) });
  });

  it('keeps what nobody foresaw as it is, with its stack', () => {
    const fault = new TypeError('x is not a function');
    expect(startFailure(fault, embedded)).toBe(fault);
    expect(startFailure('thrown', embedded)).toBe('thrown');
  });
});
