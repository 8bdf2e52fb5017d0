import { afterEach, describe, expect, it } from '@jest/globals';
import { cpSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { repositoryRoot, run } from './repository.ts';

const proto = join(repositoryRoot, 'proto');
const temporary: string[] = [];

function copyOfContracts(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-proto-'));
  temporary.push(folder);
  cpSync(proto, folder, { recursive: true, filter: (path) => !path.includes(`${proto}/gen`) });
  return folder;
}

afterEach(() => {
  for (const folder of temporary.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function filesIn(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(files.map((entry) => {
    const path = join(entry.parentPath, entry.name);
    return [path.slice(folder.length), readFileSync(path, 'utf8')];
  }));
}

/** What the contracts in a folder break of the released ones, as bytes or as JSON. */
function breaking(folder: string): { code: number; output: string } {
  const image = join(copyOfContracts(), 'now.binpb');
  expect(run('buf', ['build', '--output', image], folder)).toEqual({ code: 0, output: '' });
  return run('buf', ['breaking', image, '--against', join(proto, 'released.binpb'), '--config', '{"version":"v2","breaking":{"use":["WIRE_JSON"]}}'], folder);
}

describe('contracts', () => {
  it('follow the style of buf', () => {
    expect(run('buf', ['lint'], proto)).toEqual({ code: 0, output: '' });
    expect(run('buf', ['format', '--diff', '--exit-code', '--exclude-path', 'vendor/grpc/grpc'], proto)).toEqual({ code: 0, output: '' });
  });

  it('are generated: the committed TypeScript is what the generator writes now', () => {
    const folder = copyOfContracts();
    expect(run('buf', ['generate'], folder)).toEqual({ code: 0, output: '' });
    expect(filesIn(join(folder, 'gen'))).toEqual(filesIn(join(proto, 'gen')));
  }, 240_000);

  it('do not break what the released contracts promised', () => {
    expect(breaking(proto)).toEqual({ code: 0, output: '' });
  });

  it('would break when a field changed its type', () => {
    const folder = copyOfContracts();
    const file = join(folder, 'chat/v1/chat.proto');
    writeFileSync(file, readFileSync(file, 'utf8').replace('uint32 choices = 5;', 'string choices = 5;'));
    const { code, output } = breaking(folder);
    expect(code).not.toBe(0);
    expect(output).toContain('choices');
  });
});
