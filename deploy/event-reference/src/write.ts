import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { writtenFiles } from './written-files.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));

mkdirSync(`${root}docs/events`, { recursive: true });
for (const [path, content] of writtenFiles(root)) writeFileSync(root + path, content);
