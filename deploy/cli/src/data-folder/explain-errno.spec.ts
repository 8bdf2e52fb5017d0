import { userInfo } from 'node:os';
import { describe, expect, it } from '@jest/globals';
import { explainErrno } from './explain-errno.ts';

describe('what the file system refused', () => {
  const explained = (code: string, syscall: string, path: string): string | undefined => explainErrno(Object.assign(new Error('x'), { code, syscall, path }), '/asked/for', 'Give another folder.');

  it('is told of the folder that was asked for, not of its draft, and names the user that was refused', () => {
    expect(explained('EACCES', 'mkdtemp', '/asked/for.new-XXXXXX')).toBe(`The user ${userInfo().username} may not make the folder /asked/for. Give another folder.`);
    expect(explained('EACCES', 'mkdir', '/asked')).toBe(`The user ${userInfo().username} may not make the folder /asked. Give another folder.`);
    expect(explained('EROFS', 'mkdtemp', '/asked/for.new-XXXXXX')).toBe('/asked/for lies on a file system that cannot be written to. Give another folder.');
    expect(explained('ENOENT', 'mkdtemp', '/asked/for.new-XXXXXX')).toBe('The folder /asked/for cannot be made: its file system takes no folders. Give another folder.');
    expect(explained('EACCES', 'open', '/asked/for/file')).toContain(`The user ${userInfo().username} may not read or write /asked/for/file.`);
    expect(explained('ENOENT', 'open', '/no/such/folder/file')).toBe('There is no folder /no/such/folder for /no/such/folder/file. Make it first, or give another path.');
    // A file that is missing in its folder is a fault of the program, which should have looked.
    expect(explained('ENOENT', 'open', '/file')).toBeUndefined();
  });
});
