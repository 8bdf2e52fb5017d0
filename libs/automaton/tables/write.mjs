// Writes packed.ts anew; README.md says when and how.
import { writeFileSync } from 'node:fs';
import { pack } from '../src/normalise/table-layout.ts';
import { generate } from './generate.ts';

const LINE = 1000;
const lines = pack(generate()).match(new RegExp(`.{1,${LINE}}`, 'g'));
const text = [
  '/** Written by tables/write.mjs: the tables that src/normalise/table-layout.ts describes. */',
  'export const PACKED = [',
  ...lines.map((line) => `  '${line}',`),
  "].join('');",
  '',
].join('\n');
writeFileSync(new URL('packed.ts', import.meta.url), text);
