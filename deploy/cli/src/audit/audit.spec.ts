import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { LogVerifier, parseVerifierKey } from '@sluice/transparency';
import { ApiServer } from '../testing/api-server.ts';
import { runCli, type CliResult } from '../testing/run-cli.ts';
import { SmallLog } from '../testing/small-log.ts';

const CALL = '019ab3c4d5e67890a1b2c3d4e5f60718';

describe('sluice audit', () => {
  let api: ApiServer;
  let folder: string;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-audit-'));
    api = new ApiServer();
    await api.listen();
  });
  afterEach(async () => {
    await api.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function serve(log: SmallLog): void {
    api.on('GET /admin/v1/audit/log/key', () => ({ bytes: Buffer.from(`${log.verifierKey}\n`) }));
    api.on('GET /admin/v1/audit/log/checkpoint', () => ({ bytes: log.checkpoint() }));
    for (let size = 1; size <= log.entries.length; size++) {
      for (const path of [`tile/0/000.p/${size}`, `tile/entries/000.p/${size}`, 'tile/0/000', 'tile/entries/000', 'tile/0/001.p/44', 'tile/entries/001.p/44', 'tile/1/000.p/1']) {
        api.on(`GET /admin/v1/audit/log/${path}`, () => {
          const bytes = log.resource(path);
          return bytes ? { bytes } : { status: 404 };
        });
      }
    }
  }

  const audit = async (...words: string[]): Promise<CliResult> => runCli(['audit', ...words], { env: { ...api.environment, XDG_STATE_HOME: folder } });

  it('verifies a log, pins its key, and proves later that the log went on', async () => {
    const log = new SmallLog().addCalls(3);
    serve(log);
    const first = await audit('verify');
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout).toContain('3 entries');
    expect(first.stdout).toContain('first sight');
    log.addCalls(297);
    serve(log);
    const second = JSON.parse((await audit('verify', '--json')).stdout) as object;
    expect(second).toMatchObject({ verified: true, size: 300, continues: 3, origin: 'log.test/audit' });
  });

  it('refuses a log whose past was changed, one that shrank, and one with another key', async () => {
    serve(new SmallLog().addCalls(5));
    expect((await audit('verify')).code).toBe(0);

    const rewritten = new SmallLog().addCalls(6);
    rewritten.entries[1] = rewritten.entries[2]!;
    serve(rewritten);
    expect(await audit('verify')).toMatchObject({ code: 1, stderr: expect.stringContaining('DOES NOT VERIFY (consistency)') });

    serve(new SmallLog().addCalls(4));
    expect(await audit('verify')).toMatchObject({ code: 1, stderr: expect.stringContaining('before it had 5') });

    serve(new SmallLog(2).addCalls(6));
    expect(await audit('verify')).toMatchObject({ code: 1, stderr: expect.stringContaining('another key') });
    expect(await audit('verify', '--new-log')).toMatchObject({ code: 0 });
  });

  it('refuses entries that are not those of the signed root', async () => {
    const log = new SmallLog().addCalls(4);
    const honest = log.checkpoint();
    serve(log);
    log.entries[2] = log.entries[1]!;
    api.on('GET /admin/v1/audit/log/checkpoint', { bytes: honest });
    expect(await audit('verify')).toMatchObject({ code: 1, stderr: expect.stringContaining('DOES NOT VERIFY (root)') });
  });

  it('checks the proof of one call and what its record opens', async () => {
    const log = new SmallLog().addCalls(7);
    serve(log);
    const proof = await log.proofOf(4);
    const place = `GET /admin/v1/audit/calls/${CALL}/proof`;
    api.on(place, { json: { object: 'audit.proof', call_id: CALL, ...proof, openings: [SmallLog.opening('model', 'tiny')] } });
    const good = await audit('verify', CALL);
    expect(good).toMatchObject({ code: 0, stdout: expect.stringContaining('entry 4') });
    expect(good.stdout).toContain('opens the commitments: model');

    api.on(place, { json: { object: 'audit.proof', call_id: CALL, ...proof, openings: [SmallLog.opening('model', 'huge')] } });
    expect(await audit('verify', CALL)).toMatchObject({ code: 1, stderr: expect.stringContaining("model is not what the entry commits to") });

    api.on(place, { json: { object: 'audit.proof', call_id: CALL, ...proof, entry: (await log.proofOf(5)).entry } });
    expect(await audit('verify', CALL)).toMatchObject({ code: 1, stderr: expect.stringContaining('DOES NOT VERIFY (proof)') });
  });

  it('exports static files that a verifier without a platform accepts', async () => {
    const log = new SmallLog().addCalls(300);
    serve(log);
    const out = join(folder, 'export');
    expect(await audit('export', out)).toMatchObject({ code: 0, stdout: expect.stringContaining('300 entries') });
    const key = parseVerifierKey(readFileSync(join(out, 'key'), 'utf8').trim());
    const report = await new LogVerifier(async (path) => readFileSync(join(out, path)), key).verify();
    expect(report.checkpoint.size).toBe(300n);
    expect(await audit('export', out)).toMatchObject({ code: 1, stderr: expect.stringContaining('not empty') });
  });
});
