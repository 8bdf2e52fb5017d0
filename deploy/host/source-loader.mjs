/**
 * Runs the TypeScript sources as they are: `node --import deploy/host/source-loader.mjs`.
 * Node's own type stripping cannot run decorators, and esbuild emits no decorator metadata, so swc transforms
 * each file as it is loaded. What it made is kept in `.cache/source`: a quarter of what a command of the command
 * line takes goes into it.
 */
import { hash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire, registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { threadId } from 'node:worker_threads';
import { swcOptions } from './swc-options.mjs';

/** swc is loaded where something is not kept yet: to load it takes a tenth of what a command takes. */
const require = createRequire(import.meta.url);
const CACHE = new URL('../../.cache/source/', import.meta.url);
/** Anything else than the source that decides what it becomes. */
const HOW = JSON.stringify([require('@swc/core/package.json').version, swcOptions]);

registerHooks({
  load(url, context, nextLoad) {
    if (!url.startsWith('file:') || !url.endsWith('.ts') || url.includes('/node_modules/')) return nextLoad(url, context);
    return { format: 'module', source: transformed(fileURLToPath(url)), shortCircuit: true };
  },
});

/** One entry a file, so that what is kept does not grow with every change: what was made, and then what of; half an entry has no such end. */
function transformed(filename) {
  const source = readFileSync(filename, 'utf8');
  const madeOf = hash('sha256', `${HOW}\n${filename}\n${source}`);
  const entry = new URL(hash('sha256', filename), CACHE);
  const kept = read(entry);
  if (kept?.endsWith(madeOf)) return kept.slice(0, -madeOf.length);
  const { code } = require('@swc/core').transformSync(source, { filename, swcrc: false, ...swcOptions });
  keep(entry, code + madeOf);
  return code;
}

function read(entry) {
  try {
    return readFileSync(entry, 'utf8');
  } catch {
    // None yet, or one that this user may not read: the file is transformed, which needs no cache.
    return undefined;
  }
}

/** Written aside and renamed: many processes start at once, and none of them may find half an entry. */
function keep(entry, text) {
  const aside = new URL(`${entry.href}.${process.pid}.${threadId}`);
  try {
    mkdirSync(CACHE, { recursive: true });
    writeFileSync(aside, text);
    renameSync(aside, entry);
  } catch {
    // A folder that cannot be written, as in an image of read-only layers, or a full disk: all that is lost is time.
    remove(aside);
  }
}

function remove(file) {
  try {
    rmSync(file, { force: true });
  } catch {
    // Where it could not be written there is nothing to remove.
  }
}
