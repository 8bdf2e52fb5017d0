import { describe, expect, it } from '@jest/globals';
import { SqlError } from '@sluice/sql';
import { dataFolder } from '../data-folder/data-folder.ts';
import { CommandFailed } from '../exit-code.ts';
import { startFailure } from './start-failure.ts';

const folder = dataFolder('/data');
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
    const failure = startFailure(errno(code, path), folder, undefined);
    expect(failure).toBeInstanceOf(CommandFailed);
    expect((failure as Error).message).toContain(text);
  });

  it('is one line also when the database says it in many', () => {
    const failure = Object.assign(new Error('The database could not be made: FATAL\nNo space left on device\n...'), { name: 'DatabaseStartError' });
    expect(startFailure(failure, folder, undefined)).toMatchObject({ message: expect.stringMatching(/^The disk of \/data is full[^\n]*$/) });
  });

  it('names the option where a listener fails, not the variable', () => {
    const failure = Object.assign(new Error('Port 80 of 0.0.0.0 is taken by another process. Choose another port with SLUICE_ADMIN_PORT.'), { name: 'ListenError' });
    expect(startFailure(failure, folder, undefined)).toMatchObject({ message: expect.stringMatching(/with --admin-port\.$/) });
  });

  it('names whose database it is, and never its password', () => {
    const full = new SqlError('disk_full', 'The database has no room left.');
    expect(startFailure(full, folder, undefined)).toMatchObject({ message: expect.stringContaining('disk of /data is full') });
    expect(startFailure(full, folder, 'postgresql://u:p@db/x')).toMatchObject({ message: expect.stringContaining('no room left on its disk') });
    const away = startFailure(new SqlError('unavailable', 'ECONNREFUSED: no'), folder, 'postgresql://user:hidden@db:5432/x?password=hidden') as Error;
    expect(away.message).toContain('(db:5432/x)');
    expect(away.message).not.toContain('hidden');
    expect(startFailure(new SqlError('unavailable', 'gone'), folder, undefined)).toMatchObject({ message: expect.stringContaining('/data/postgres.log') });
  });

  it('keeps what nobody foresaw as it is, with its stack', () => {
    const fault = new TypeError('x is not a function');
    expect(startFailure(fault, folder, undefined)).toBe(fault);
    expect(startFailure('thrown', folder, undefined)).toBe('thrown');
  });
});
