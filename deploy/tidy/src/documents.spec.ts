import { describe, expect, it } from '@jest/globals';
import { CODES } from '@sluice/errors';
import { readRepositoryFile } from './repository.ts';

describe('documents', () => {
  it('docs/errors.md lists every code with its HTTP status and its code on the wire, and no other', () => {
    const rows = [...readRepositoryFile('docs/errors.md').matchAll(/^\| `([a-z_]+)` \| (\d{3}) \| (`[a-z_]+`|null) \|/gm)].map(([, code, http, wire]) => [code, Number(http), wire === 'null' ? null : wire!.slice(1, -1)]);
    expect(rows).toEqual(Object.entries(CODES).map(([code, row]) => [code, row.http, row.openai]));
  });
});
