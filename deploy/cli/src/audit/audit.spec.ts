import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { LogVerifier, parseVerifierKey } from '@sluice/transparency';
import { ApiServer } from '../testing/api-server.ts';
import { CLI_WORDS, cleanEnvironment, runCli, type CliResult } from '../testing/run-cli.ts';
import { callWithOriginals, completedCall, type ScriptedCall } from '../testing/scripted-call.ts';
import { SmallLog } from '../testing/small-log.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

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
    expect(JSON.parse((await audit('verify', '--json')).stdout)).toMatchObject({ verified: false, fault: { kind: 'key' } });
    expect(await audit('verify', '--new-log')).toMatchObject({ code: 0 });
  });

  it('holds a log that lies elsewhere against what was seen of its origin and key', async () => {
    serve(new SmallLog().addCalls(5));
    expect((await audit('verify')).code).toBe(0);
    await api.close();
    api = new ApiServer();
    await api.listen();
    serve(new SmallLog().addCalls(4));
    expect(await audit('verify')).toMatchObject({ code: 1, stderr: expect.stringContaining('before it had 5') });
    const forked = new SmallLog().addCalls(5);
    forked.entries[1] = forked.entries[2]!;
    serve(forked);
    const refused = await audit('verify', '--json');
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('DOES NOT VERIFY (consistency)') });
    expect(JSON.parse(refused.stdout)).toEqual({ verified: false, fault: { kind: 'consistency', message: expect.stringMatching(/^The first 5 entries are not those that were seen before\.\nAnother copy of this log, seen at http/) } });
    serve(new SmallLog().addCalls(7));
    expect(JSON.parse((await audit('verify', '--json')).stdout)).toMatchObject({ verified: true, continues: 5 });
    serve(forked);
    expect(await audit('verify', '--new-log')).toMatchObject({ code: 0 });
    expect(await audit('verify')).toMatchObject({ code: 0 });
  });

  it('names the copy that a log was held against, and verifies a restored copy by its own history', async () => {
    const original = new SmallLog().addCalls(5);
    serve(original);
    expect((await audit('verify')).code).toBe(0);
    const home = api.url;
    await api.close();
    api = new ApiServer();
    await api.listen();
    const copy = new SmallLog().addCalls(8);
    copy.entries[1] = copy.entries[2]!;
    serve(copy);
    const refused = await audit('verify');
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toMatch(new RegExp(`DOES NOT VERIFY \\(consistency\\).*\\nAnother copy of this log, seen at ${home} on \\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\dZ, continued differently than the one at ${api.url}: one of the two`));
    expect(refused.stderr).toContain('If you ran a restored copy, that is the reason.');
    expect(await audit('verify', '--own-history')).toMatchObject({ code: 0, stdout: expect.stringContaining('first sight') });
    expect(await audit('verify', '--own-history')).toMatchObject({ code: 0, stdout: expect.stringContaining('continues the 8 entries') });
    serve(new SmallLog().addCalls(8));
    expect(await audit('verify', '--own-history')).toMatchObject({ code: 1, stderr: expect.stringMatching(/This log, seen at http\S+ on [-\d]+ [:\d]+Z, was another one then: it was cut or rewritten since/) });
    serve(original);
    expect(JSON.parse((await runCli(['audit', 'verify', '--new-log', '--json'], { env: { ...api.environment, XDG_STATE_HOME: folder } })).stdout)).toMatchObject({ continues: null, forgot_history: true });
    expect(await audit('verify', '--new-log')).toMatchObject({ code: 0, stdout: expect.stringContaining('history not compared with what was seen before (--new-log)') });
  });

  it('says in a line that an export, or standard output, cannot be written', async () => {
    serve(new SmallLog().addCalls(3));
    const exported = await audit('export', '/proc/zz');
    expect(exported).toEqual({ code: 1, stdout: '', stderr: 'sluice: The folder /proc/zz cannot be made: its file system takes no folders. Give another folder.\n' });
    const full = openSync('/dev/full', 'w');
    try {
      const child = spawn(process.execPath, [...CLI_WORDS, 'audit', 'verify', '--json'], { env: cleanEnvironment({ ...api.environment, XDG_STATE_HOME: folder }), stdio: ['ignore', full, 'pipe'] });
      let stderr = '';
      child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr += text));
      const [code] = (await once(child, 'close')) as [number | null];
      expect([code, stderr]).toEqual([1, 'sluice: Standard output could not be written: the disk that it goes to is full. What is there is not whole.\n']);
    } finally {
      closeSync(full);
    }
  });

  it('counts closed epochs, says which is open, and finds an end that is missing', async () => {
    serve(new SmallLog().addCalls(3));
    expect((await audit('verify')).stdout).toContain('p1 is in epoch 1, which is open: its 3 entries are not counted yet');
    serve(new SmallLog().addCalls(3).addClose(3));
    expect((await audit('verify')).stdout).toContain('1 closed: each has as many ends of calls as its close says');
    expect(JSON.parse((await audit('verify', '--json')).stdout)).toMatchObject({ acts: 0, closed_epochs: 1, open_epochs: [] });
    serve(new SmallLog(2).addCalls(3).addClose(4));
    expect(await audit('verify', '--new-log')).toMatchObject({ code: 1, stderr: expect.stringContaining('DOES NOT VERIFY (missing): Epoch 1 of p1 had 4 ends of calls; the log holds 3.') });
  });

  it('refuses entries that are not those of the signed root', async () => {
    const log = new SmallLog().addCalls(4);
    const honest = log.checkpoint();
    serve(log);
    log.entries[2] = log.entries[1]!;
    api.on('GET /admin/v1/audit/log/checkpoint', { bytes: honest });
    expect(await audit('verify')).toMatchObject({ code: 1, stderr: expect.stringContaining('DOES NOT VERIFY (root)') });
  });

  describe('of one call', () => {
    async function proofOf(given: ScriptedCall): Promise<(change?: { proof?: object; shown?: object }) => Promise<CliResult>> {
      const log = new SmallLog().addCalls(4).addEnd(given.type, given.commitments).addCalls(2);
      serve(log);
      const proof = { object: 'audit.proof', call_id: given.id, ...(await log.proofOf(4)), ...given.evidence };
      return async (change = {}) => {
        api.on(`GET /admin/v1/audit/calls/${given.id}/proof`, { json: { ...proof, ...change.proof } });
        api.on(`GET /admin/v1/audit/calls/${given.id}`, { json: { ...given.shown, ...change.shown } });
        return audit('verify', given.id, '--json');
      };
    }

    const refused = (what: string): object => ({ code: 1, stderr: expect.stringMatching(new RegExp(`DOES NOT VERIFY \\(proof\\): .*${what}`)) });

    it('proves that its end is in the log, and that what show prints is what was committed to', async () => {
      const verify = await proofOf(completedCall());
      const good = await verify();
      expect(good).toMatchObject({ code: 0, stderr: '' });
      expect(JSON.parse(good.stdout)).toMatchObject({ call: { index: 4, type: 'call.completed', prompt: true, output: true, opened: ['call_id', 'organisation_id', 'project_id', 'key_id', 'model', 'prompt', 'output', 'error', 'result'] } });
      expect((await audit('verify', completedCall().id)).stdout).toContain('answer  the answer that audit show prints is the released output that was committed to, whole');
    });

    it('finds every change of what is shown', async () => {
      const call = completedCall();
      const verify = await proofOf(call);
      expect(await verify({ shown: { model: 'huge' } })).toMatchObject(refused('model'));
      expect(await verify({ shown: { key_id: 'key_2' } })).toMatchObject(refused('key_id'));
      expect(await verify({ shown: { status: 'failed' } })).toMatchObject(refused('result'));
      expect(await verify({ shown: { error: { ...call.shown.error, type: 'invalid_request_error' } } })).toMatchObject(refused('error'));
      expect(await verify({ shown: { error_message: null } })).toMatchObject(refused('error'));
      expect(await verify({ shown: { output_bytes: 12 } })).toMatchObject(refused('result'));
      expect(await verify({ shown: { request: { ...call.shown.request, messages: [{ role: 'user', content: 'Something else.' }] } } })).toMatchObject(refused('prompt'));
      expect(await verify({ shown: { request: { ...call.shown.request, seed: 8 } } })).toMatchObject(refused('prompt'));
      expect(await verify({ shown: { request: { ...call.shown.request, n: 2 } } })).toMatchObject(refused('prompt'));
      expect(await verify({ shown: { choices: [{ ...call.shown.choices[0], content: 'Another answer.' }] } })).toMatchObject(refused('answer'));
      expect(await verify({ shown: { events: call.shown.events.slice(1) } })).toMatchObject(refused('answer'));
    });

    it('finds evidence that is changed, cut at its beginning or its end, or that of another call', async () => {
      const call = completedCall();
      const verify = await proofOf(call);
      const { openings, output, prompt, error } = call.evidence;
      expect(await verify({ proof: { openings: openings.map((one) => (one.name === 'model' ? { ...one, value: base64('huge') } : one)) } })).toMatchObject(refused("model is not what the entry"));
      expect(await verify({ proof: { prompt: { ...prompt, value: '' } } })).toMatchObject(refused('prompt'));
      expect(await verify({ proof: { error: { ...error, value: base64('{"error":{}}') } } })).toMatchObject(refused('error'));
      expect(await verify({ proof: { output: { ...output, released: output.released.slice(0, 1) } } })).toMatchObject(refused('output'));
      expect(await verify({ proof: { output: { start: call.chains[1], released: output.released.slice(1) } } })).toMatchObject(refused('number of output bytes'));
      expect(await verify({ proof: { openings: openings.filter(({ name }) => name !== 'call_id') } })).toMatchObject(refused('another call'));
      expect(await verify({ proof: { entry: (await new SmallLog().addCalls(5).proofOf(4)).entry } })).toMatchObject({ code: 1, stderr: expect.stringContaining('DOES NOT VERIFY (proof)') });
    });

    it('proves what was asked and what the model gave where the project keeps it, and finds a change of either', async () => {
      const call = callWithOriginals();
      const verify = await proofOf(call);
      expect(JSON.parse((await verify()).stdout)).toMatchObject({ call: { prompt: true, output: true, original: { prompt: 'proven', output: 'proven' }, opened: expect.arrayContaining(['original_prompt', 'original_output']) } });
      const { stdout } = await audit('verify', call.id);
      expect(stdout).toContain('asked   the request as it was asked, which audit show prints beside the one that was sent, is the one that was committed to');
      expect(stdout).toContain('given   the answer as the model gave it, which audit show prints where rules changed it, is the one that was committed to, whole');
      const { original } = call.shown;
      expect(await verify({ shown: { original: { ...original, request: { ...original.request, user: 'John' } } } })).toMatchObject(refused('original prompt'));
      expect(await verify({ shown: { original: { ...original, output: null } } })).toMatchObject(refused('original output'));
      expect(await verify({ proof: { original: undefined } })).toMatchObject(refused('original prompt'));
    });

    it('says nothing of originals where the entry commits to none, and takes none', async () => {
      const verify = await proofOf(completedCall());
      expect(JSON.parse((await verify()).stdout)).not.toHaveProperty('call.original');
      expect((await audit('verify', completedCall().id)).stdout).not.toMatch(/^(asked|given) /m);
      expect(await verify({ shown: { original: callWithOriginals().shown.original } })).toMatchObject(refused('original'));
    });

    it('says what was not compared: without a right to read, and of a call that keeps no bodies', async () => {
      const call = completedCall();
      const verify = await proofOf(call);
      expect(JSON.parse((await verify({ proof: { openings: undefined, prompt: undefined, output: undefined } })).stdout)).toMatchObject({ call: { opened: [], prompt: false, output: false } });
      expect((await audit('verify', call.id)).stdout).toContain('record  not compared');
      expect(JSON.parse((await verify({ proof: { prompt: null, output: null } })).stdout)).toMatchObject({ call: { opened: expect.arrayContaining(['result']), prompt: false, output: false } });
    });
  });

  it('says nothing of a log that cannot be read to its end, and exports none of it', async () => {
    serve(new SmallLog().addCalls(300));
    api.on('GET /admin/v1/audit/log/tile/entries/001.p/44', { status: 503, json: { error: { message: 'Away.', type: 'server_error', param: null, code: null } } });
    const refused = await audit('verify', '--json');
    expect(refused).toMatchObject({ code: 1, stdout: '', stderr: expect.stringMatching(/nothing is proven, and nothing refuted\.\nAway\./) });
    expect(refused.stderr).not.toContain('DOES NOT VERIFY');
    expect(await audit('export', join(folder, 'deep', 'export'))).toMatchObject({ code: 1, stderr: expect.stringContaining('Away.') });
    expect(readdirSync(join(folder, 'deep'))).toEqual([]);
  });

  it('leaves nothing when an export is given up with Ctrl-C', async () => {
    serve(new SmallLog().addCalls(300));
    const asked = new Promise<void>((reached) => void api.on('GET /admin/v1/audit/log/tile/entries/001.p/44', () => (reached(), { never: true })));
    const child = spawn(process.execPath, [...CLI_WORDS, 'audit', 'export', join(folder, 'out'), '--json'], { env: cleanEnvironment({ ...api.environment, XDG_STATE_HOME: join(folder, 'state') }), stdio: ['ignore', 'pipe', 'pipe'] });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const ended = once(child, 'close');
    await Promise.race([asked, ended]);
    child.kill('SIGINT');
    expect([...(await ended), stdout, stderr]).toEqual([1, null, '', 'sluice: cancelled\n']);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('exports static files that a verifier without a platform accepts', async () => {
    const log = new SmallLog().addCalls(300);
    serve(log);
    const out = join(folder, 'export');
    expect(await audit('export', out)).toMatchObject({ code: 0, stdout: expect.stringContaining('300 entries') });
    const again = join(folder, 'again');
    expect(JSON.parse((await audit('export', again, '--json')).stdout)).toEqual({ object: 'audit.export', directory: again, origin: 'log.test/audit', size: 300, files: readdirSync(again, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).length });
    const key = parseVerifierKey(readFileSync(join(out, 'key'), 'utf8').trim());
    const report = await new LogVerifier(async (path) => readFileSync(join(out, path)), key).verify();
    expect(report.checkpoint.size).toBe(300n);
    expect(await audit('export', out)).toMatchObject({ code: 1, stderr: expect.stringContaining('not empty') });
  });
});
