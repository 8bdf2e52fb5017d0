/**
 * Runs the TypeScript sources as they are: `node --import deploy/host/source-loader.mjs`.
 * Node's own type stripping cannot run decorators, and esbuild emits no decorator metadata, so swc transforms
 * each file as it is loaded.
 */
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { transformSync } from '@swc/core';
import { swcOptions } from './swc-options.mjs';

registerHooks({
  load(url, context, nextLoad) {
    if (!url.startsWith('file:') || !url.endsWith('.ts') || url.includes('/node_modules/')) return nextLoad(url, context);
    const filename = fileURLToPath(url);
    const { code } = transformSync(readFileSync(filename, 'utf8'), { filename, swcrc: false, ...swcOptions });
    return { format: 'module', source: code, shortCircuit: true };
  },
});
