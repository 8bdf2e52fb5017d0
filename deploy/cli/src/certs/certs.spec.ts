import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { CommandFailed } from '../exit-code.ts';
import { runCli } from '../testing/run-cli.ts';
import { keepToldCertificates } from './told-certificates.ts';

interface Certificates {
  readonly data: readonly { readonly name: string; readonly services: readonly string[]; readonly not_after: string; readonly made: boolean }[];
}

describe('sluice certs', () => {
  let folder: string;
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'sluice-certs-'))));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const certs = async (...words: string[]): Promise<Certificates> => {
    const { code, stdout, stderr } = await runCli(['certs', folder, ...words, '--json']);
    expect([code, stderr]).toEqual([0, '']);
    return JSON.parse(stdout) as Certificates;
  };

  it('makes what a mesh needs, once, and says what it made and until when that is good', async () => {
    const first = await certs();
    expect(first.data.map(({ name, made }) => [name, made])).toEqual(['ca', 'access', 'model-registry', 'content-filter-rules', 'audit', 'billing', 'local-engine', 'data-plane'].map((name) => [name, true]));
    expect(first.data.at(-1)!.services).toEqual(['gateway', 'content-filter', 'inference-router']);
    expect(statSync(join(folder, 'ca.key')).mode & 0o777).toBe(0o600);
    const again = await certs();
    expect(again.data).toEqual(first.data.map((one) => ({ ...one, made: false })));
    // What lacks a host is made anew.
    expect((await certs('--host', 'sluice.example.com')).data.map(({ made }) => made)).toEqual([false, true, true, true, true, true, true, true]);
    expect((await runCli(['certs', folder, '--host', 'sluice.example.com'])).stdout).toMatch(/^data-plane +kept +\d{4}-\d\d-\d\d +gateway content-filter inference-router$/m);
  });

  it('makes those of other processes', async () => {
    expect((await certs('--process', 'control=access,model-registry', 'money=billing')).data.map(({ name, services }) => [name, services])).toEqual([['ca', []], ['control', ['access', 'model-registry']], ['money', ['billing']]]);
    expect(readdirSync(folder).toSorted()).toEqual(['ca.key', 'ca.pem', 'control.key', 'control.pem', 'money.key', 'money.pem']);
    rmSync(join(folder, 'ca.key'));
    expect(await runCli(['certs', folder])).toMatchObject({ code: 1, stderr: expect.stringContaining('holds one of ca.pem and ca.key') });
  });

  it.each(['bad host name', 'a..b', '-a', '.a', ''])('refuses a host that is none: %j', async (host) => {
    expect(await runCli(['certs', folder, '--host', host])).toMatchObject({ code: 2, stderr: expect.stringContaining('is no host name and no address') });
    expect(readdirSync(folder)).toEqual([]);
  });

  it('says which files are damaged, and what to do', async () => {
    await certs('--process', 'money=billing', '--host', '*.mesh_1.local', '::1');
    writeFileSync(join(folder, 'money.pem'), 'rubbish');
    const again = async (): Promise<string> => (await runCli(['certs', folder, '--process', 'money=billing'])).stderr;
    expect(await again()).toBe(`sluice: ${folder}/money.pem and money.key are no certificate with its key: one of them is damaged. Remove both, and they are made anew.\n`);
    writeFileSync(join(folder, 'ca.key'), 'rubbish');
    expect(await again()).toBe(`sluice: ${folder}/ca.pem and ca.key are no certificate with its key: one of them is damaged. Put both back from a copy: a new authority would cut off everyone who trusts this one.\n`);
  });

  it('keeps those of a mesh, and tells what is damaged as a command does', async () => {
    await certs('--process', 'access=access');
    writeFileSync(join(folder, 'access.pem'), 'junk');
    await expect(keepToldCertificates(folder, [{ name: 'access', services: ['access'], hosts: [] }])).rejects.toThrow(CommandFailed);
  });

  it('says that it cannot be where there can be no folder, and ends', async () => {
    expect(await runCli(['certs', '/proc/sluice/certs'], { timeoutMs: 30_000 })).toEqual({ code: 1, stdout: '', stderr: 'sluice: The folder /proc/sluice cannot be made: its file system takes no folders. Give another path.\n' });
  });

  it.each([['x=acces', 'There is no service "acces"'], ['access', 'NAME=SERVICE'], ['=access', 'NAME=SERVICE']])('refuses a process that is none: %s', async (word, said) => {
    expect(await runCli(['certs', folder, '--process', word])).toMatchObject({ code: 2, stderr: expect.stringContaining(said) });
    expect(readdirSync(folder)).toEqual([]);
  });
});
