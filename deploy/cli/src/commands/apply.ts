import { existsSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { isErrno } from '../data-folder/private-file.ts';
import { CommandFailed } from '../exit-code.ts';
import { adminApi } from '../platform-api/connection.ts';
import { printableLine } from '../terminal/printable.ts';
import type { ApplyOptions } from '../apply/apply-file.ts';
import { examples, print, reads, talks, type ReadOptions } from './output.ts';

/** What a platform should be, in one file: applied, and written out. */
export function addApplyCommands(program: Command): void {
  const apply = reads(program.command('apply').description('make the platform what a file says: shows the difference, asks, and changes only what differs. What the file does not name is left as it is'))
    .requiredOption('-f, --file <file>', 'the file (YAML), or - for standard input')
    .option('--dry-run', 'only show the difference; exit code 3 when there is one')
    .option('--yes', 'do not ask')
    .option('--prune', 'also remove what the file leaves out: entries of the lists that it has, and aliases, limits, budgets and prices of what it names')
    .option('--keys-out <file>', 'write the secrets of new keys there (mode 0600, a JSON document a line) instead of showing them');
  examples(apply, ['sluice apply -f platform.yaml --dry-run', 'sluice apply -f platform.yaml', 'sluice apply -f platform.yaml --yes --keys-out new-keys.jsonl', 'sluice export | sluice apply -f - --dry-run --prune']).action(async (options: ApplyOptions) => {
    const { applyFile } = await import('../apply/apply-file.ts');
    await applyFile(options);
  });

  const write = talks(program.command('export').description('write what the platform is as a file for `apply`: no secret is in it')).option('-o, --output <file>', 'the file, which is replaced (default: standard output)')
    .option('--schema', 'write the JSON Schema of such files instead, by which editors complete and check them; no platform is asked');
  examples(write, ['sluice export -o platform.yaml', 'sluice export | diff platform.yaml -', 'sluice export --schema -o platform.schema.json']).action(writeFile);
}

async function writeFile({ output, schema, ...options }: ReadOptions & { readonly output?: string; readonly schema?: true }): Promise<void> {
  const text = schema ? await schemaText() : await platformText(options);
  if (output === undefined) return print(text);
  writeTo(output, text);
  process.stderr.write(`Written to ${output}.\n`);
}

/** Under /proc the system calls a file missing that cannot be made, in a folder that is there. */
function writeTo(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    const folder = dirname(resolve(path));
    if (!isErrno(error, 'ENOENT') || !existsSync(folder)) throw error;
    throw new CommandFailed(`${folder} takes no file, so ${path} cannot be there (ENOENT). Give another path.`, { cause: error });
  }
}

async function platformText(options: ReadOptions): Promise<string> {
  const [{ exportFile }, { readPlatform }] = await Promise.all([import('../apply/export-file.ts'), import('../apply/platform-state.ts')]);
  const { text, unsaid } = exportFile(await readPlatform(adminApi(options)));
  for (const line of unsaid) process.stderr.write(`Warning: ${printableLine(line)}\n`);
  return text;
}

async function schemaText(): Promise<string> {
  const { fileSchemaText } = await import('../apply/file-schema.ts');
  return fileSchemaText();
}
