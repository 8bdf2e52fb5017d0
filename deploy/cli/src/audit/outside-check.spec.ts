import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';

/** What a check from the outside may rest on: contracts, and libraries that no server owns. */
const ALLOWED = /^(node:.*|\.{1,2}\/.*|@bufbuild\/protobuf|@sluice\/(proto\/.*|segment|transparency)|zod)$/;

describe('the check from the outside', () => {
  it('runs no code of the servers that it checks', () => {
    const files = readdirSync(new URL('.', import.meta.url)).filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'));
    const imports = files.flatMap((name) => [...readFileSync(new URL(name, import.meta.url), 'utf8').matchAll(/(?:from|import\()\s*'([^']+)'/g)].map(([, source]) => source!));
    expect(imports.length).toBeGreaterThan(10);
    expect(imports.filter((source) => !ALLOWED.test(source))).toEqual([]);
  });
});
