import { describe, expect, it } from '@jest/globals';
import { repositoryRoot, run } from './repository.ts';

describe('types', () => {
  it('hold in the whole repository, tests included', () => {
    expect(run('node', [`${repositoryRoot}node_modules/typescript/bin/tsc`, '-p', repositoryRoot])).toEqual({ code: 0, output: '' });
  }, 300_000);
});
