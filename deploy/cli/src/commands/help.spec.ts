import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runCli } from '../testing/run-cli.ts';

let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'sluice-cli-'))));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the command line', () => {
  it('helps everywhere, with examples', async () => {
    const commands = ['', 'up', 'serve', 'mesh', 'mesh up', 'certs', 'test', 'chat', 'model', 'model add', 'model list', 'model remove', 'model alias', 'key', 'key create', 'key list', 'key revoke', 'project', 'project list',
      'project create', 'whoami', 'limit', 'limit set', 'limit list', 'limit remove', 'parameter', 'parameter set', 'parameter list', 'parameter remove', 'price', 'price set', 'price list', 'price currency', 'budget', 'budget set', 'budget show', 'budget remove', 'usage', 'ledger', 'ledger check', 'filter', 'filter add', 'filter list', 'filter remove', 'filter try', 'filter stats', 'audit', 'audit list', 'audit show', 'audit verify', 'audit export', 'reconcile', 'events', 'events dead', 'events dead list', 'events dead show', 'events dead replay', 'events replay', 'apply', 'export', 'doctor', 'backup', 'restore'];
    const helps = await Promise.all(commands.map(async (command) => runCli([...command.split(' ').filter(Boolean), '--help'], { env: { SLUICE_COMMAND: './sluice', SLUICE_DATA: folder } })));
    for (const [index, { code, stdout }] of helps.entries()) {
      const isGroup = ['model', 'key', 'project', 'limit', 'parameter', 'price', 'budget', 'ledger', 'filter', 'audit', 'mesh', 'events', 'events dead'].includes(commands[index]!);
      expect({ command: commands[index], code }).toEqual({ command: commands[index], code: 0 });
      expect(stdout).toContain('Usage: ./sluice');
      // What it shows can be typed as it stands.
      expect({ command: commands[index], stray: /.*(?<!\.\/)\bsluice .*/.exec(stdout)?.[0] }).toEqual({ command: commands[index], stray: undefined });
      if (!isGroup) expect(stdout).toContain('Examples:');
    }
  }, 120_000);

  it('speaks of itself as it was called', async () => {
    const env = { SLUICE_COMMAND: './my tools/sluice', SLUICE_DATA: folder };
    expect((await runCli(['key', 'list'], { env })).stderr).toContain("Start it with: './my tools/sluice' up");
    expect((await runCli(['chat', '--help'], { env: { ...env, SLUICE_COMMAND: './sluice' } })).stdout).toMatch(/Usage: \.\/sluice chat[^]*\$ \.\/sluice chat\n[^]*\| \.\/sluice chat -/);
  });

  it.each([
    [['help', 'key', 'create'], 'Usage: sluice key create'],
    [['key', 'help', 'create'], 'Usage: sluice key create'],
    [['key', 'help'], 'Usage: sluice key '],
    [['help'], 'Usage: sluice '],
  ])('shows the help that `%s` asks for', async (words, usage) => {
    expect(await runCli(words, { env: { SLUICE_DATA: folder } })).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining(usage) });
  });
});
