import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ApiServer, type SeenRequest } from '../testing/api-server.ts';
import { runCli, type CliResult } from '../testing/run-cli.ts';

const MS = 1_700_000_000_000;
const idOf = (at: number): string => (MS + at).toString(16).padStart(12, '0') + String(at % 10).repeat(20);
const began = (at: number): string => new Date(MS + at).toISOString();
const callOf = (id: string, more: object = {}): object => ({
  id, organisation_id: 'org_1', project_id: 'proj_1', key_id: 'key_1', model: 'tiny', stream: true, status: 'answered', http_status: 200, error_code: null, admitted_at: '2026-11-23T00:00:00.000Z',
  ended_at: '2026-11-23T00:00:01.000Z', duration_ms: 9, first_output_ms: 2, output_bytes: 10, usage: null, cost_nano: '5', overrun_nano: '1', version_id: null, deployment_id: null, leaf_index: 1, ...more,
});
const itemOf = (id: string): object => ({ object: 'ledger_item', call_id: id, cost_nano: '5', overrun_nano: '1' });
const CHECK = { object: 'ledger_check', ok: true, transactions: '1', entries: '2', calls: '3', billed: '15', overrun: '0', held: '0', currency: 'USD', faults: [] };

const NONE = { json: { object: 'list', data: [], has_more: false } };

describe('reconcile', () => {
  const api = new ApiServer();
  let folder: string;
  let ids: string[];
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'sluice-reconcile-'));
    await api.listen();
  });
  afterAll(async () => {
    await api.close();
    rmSync(folder, { recursive: true, force: true });
  });
  /** Two calls a page, as a platform with more of them has it. */
  const paged = (all: readonly string[], view: (id: string) => object) => ({ url }: SeenRequest): { json: object } => {
    const after = new URL(url, 'http://localhost').searchParams.get('after');
    const from = after === null ? 0 : all.indexOf(after) + 1;
    return { json: { object: 'list', data: all.slice(from, from + 2).map(view), has_more: from + 2 < all.length } };
  };
  beforeEach(() => {
    ids = [1, 2, 3, 4, 5].map(idOf);
    const every = paged(ids, (id) => callOf(id));
    const list = (request: SeenRequest): { json: object } => (request.url.includes('status=running') ? NONE : every(request));
    api.on('GET /admin/v1/audit/calls', list).on('GET /admin/v1/ledger/items', paged(ids, itemOf)).on('GET /admin/v1/ledger/check', { json: CHECK });
    for (const id of ids) {
      const choices = [{ index: 0, finish_reason: 'stop', content: 'An answer.', reasoning: null, refusal: null }];
      api.on(`GET /admin/v1/audit/calls/${id}`, { json: { ...callOf(id), bodies: 'kept', request: null, choices, events: [], error_message: null, segments: [] } });
    }
  });
  const sluice = async (...words: string[]): Promise<CliResult> => runCli(['reconcile', ...words], { env: api.environment });
  const receipts = (...lines: unknown[]): string => {
    const file = join(folder, 'receipts.jsonl');
    writeFileSync(file, lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''));
    return file;
  };

  it('reads every page, and says that all agree', async () => {
    const file = receipts(...ids.map((id) => ({ id, status: 200, content: 'An answer.', whole: true })), '', { id: `chatcmpl-${ids[0]}`, status: 200, content: 'An' });
    const { code, stdout } = await sluice('--receipts', file);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^Compared from 2023-11-14T\S+001Z to \S+: 5 calls on record, 5 in the ledger, 6 receipts of clients\.\nNo difference\.\n$/) });
  });

  it('ends with 1 and prints each difference, for people and for programs', async () => {
    api.on('GET /admin/v1/ledger/items', paged(ids.slice(1), itemOf)).on('GET /admin/v1/ledger/check', { json: { ...CHECK, ok: false, held: '7', faults: [{ law: 'projection', detail: 'd' }] } });
    const file = receipts({ id: ids[1], status: 200, content: 'An answer. And one that nobody recorded.' }, { id: idOf(9), status: 200, content: 'gone' });
    const read = await sluice('--since', began(0), '--receipts', file, '--wait', '0');
    expect(read.code).toBe(1);
    for (const said of [/5 DIFFERENCES/, new RegExp(`${ids[0]} +it ended and is not in the ledger`), new RegExp(`${ids[1]} +a client had text that is not on record`), new RegExp(`${idOf(9)} +a client had an answer that the audit does not have`), /ledger: projection: d/, /ledger: nothing_held: 7/]) expect(read.stdout).toMatch(said);
    expect(read.stdout).not.toContain('nobody recorded.');
    expect(JSON.parse((await sluice('--since', began(0), '--receipts', file, '--wait', '0', '--json')).stdout)).toMatchObject({ ok: false, calls: 5, ledger_items: 4, receipts: 2, differences: [{ call_id: ids[0], kind: 'not_billed' }, { call_id: ids[1], kind: 'received_beyond_record' }, { call_id: idOf(9), kind: 'received_without_record' }] });
  });

  it('takes what is held for information while any call runs, also one that began behind the time', async () => {
    const later = callOf(idOf(9), { status: 'running', ended_at: null });
    const all = paged(ids, (id) => callOf(id));
    api.on('GET /admin/v1/audit/calls', (request) => (request.url.includes('status=running') ? { json: { object: 'list', data: [later], has_more: false } } : all(request)));
    api.on('GET /admin/v1/ledger/check', { json: { ...CHECK, held: '2672000' } });
    const words = ['--since', began(0), '--until', began(8), '--wait', '0'];
    expect(await sluice(...words)).toMatchObject({ code: 0, stdout: expect.stringContaining('No difference.') });
    expect(JSON.parse((await sluice(...words, '--json')).stdout)).toMatchObject({ ok: true, faults: [], held: '2672000' });
  });

  it('takes what is held for left over only where nothing moves', async () => {
    const words = ['--since', began(0), '--until', began(8), '--wait', '0'];
    let moved = 3;
    api.on('GET /admin/v1/ledger/check', () => ({ json: { ...CHECK, held: '7', calls: String(moved++) } }));
    expect(await sluice(...words)).toMatchObject({ code: 0 });
    api.on('GET /admin/v1/ledger/check', { json: { ...CHECK, held: '7' } });
    expect(await sluice(...words)).toMatchObject({ code: 1, stdout: expect.stringContaining('ledger: nothing_held: 7 nano-units are held, and no call runs') });
  });

  it('prints every difference, however many there are', async () => {
    const many = Array.from({ length: 120 }, (_, at) => idOf(at));
    api.on('GET /admin/v1/ledger/items', { json: { object: 'list', data: many.map(itemOf), has_more: false } }).on('GET /admin/v1/audit/calls', { json: { object: 'list', data: [], has_more: false } });
    const { stdout } = await sluice('--since', began(0), '--wait', '0');
    expect(many.filter((id) => !stdout.includes(id))).toEqual([]);
    expect(stdout).toContain('120 DIFFERENCES');
  });

  it('takes what began in the time by the ids, whenever the audit says that it was let in', async () => {
    const views = ids.map((id, at) => callOf(id, { admitted_at: began(at + 1 + 28) }));
    // As the audit does: what was admitted in the time, the last moment included.
    api.on('GET /admin/v1/audit/calls', ({ url }) => {
      const asked = new URL(url, 'http://localhost').searchParams;
      return { json: { object: 'list', data: views.filter((view) => (view as { admitted_at: string }).admitted_at >= asked.get('since')! && (view as { admitted_at: string }).admitted_at <= asked.get('until')!), has_more: false } };
    });
    const within = ids.slice(1, 4);
    api.on('GET /admin/v1/ledger/items', paged(within, itemOf));
    const file = receipts(...ids.map((id) => ({ id, status: 200, content: 'An answer.', whole: true })));
    const { code, stdout } = await sluice('--since', began(2), '--until', began(5), '--receipts', file, '--wait', '0');
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining(': 3 calls on record, 3 in the ledger, 3 receipts of clients.\nNo difference.') });
  });

  it('pages on behind calls that began outside of the time', async () => {
    api.on('GET /admin/v1/ledger/items', paged(ids.slice(3), itemOf));
    expect(await sluice('--since', began(4), '--wait', '0')).toMatchObject({ code: 0, stdout: expect.stringContaining(': 2 calls on record, 2 in the ledger.') });
  });

  it('waits for what is written down a moment later', async () => {
    let asked = 0;
    api.on('GET /admin/v1/ledger/items', (request) => paged(asked++ < 3 ? ids.slice(1) : ids, itemOf)(request));
    expect(await sluice('--since', began(0), '--wait', '20')).toMatchObject({ code: 0, stdout: expect.stringContaining('No difference.') });
  });

  it('names the brokers that do not answer, and where they were named', async () => {
    const { code, stderr } = await sluice('--kafka', '127.0.0.1:1,127.0.0.1:2');
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'sluice: The event log on Kafka cannot be read at 127.0.0.1:1,127.0.0.1:2 (--kafka): The event log does not answer.\n' });
  });

  it.each([
    [['--since', 'yesterday'], 'Give a date'],
    [['--since', '2026-11-02', '--until', '2026-11-01'], 'does not lie behind'],
    [['--wait', '-1'], 'Give whole seconds'],
  ])('refuses %j', async (words, said) => {
    expect(await sluice(...words)).toMatchObject({ code: 2, stderr: expect.stringContaining(said) });
  });

  it('names the line that is no receipt, and the file that cannot be read', async () => {
    expect(await sluice('--receipts', receipts({ id: ids[0], status: 200 }, '{"id":"x"}'))).toMatchObject({ code: 2, stderr: expect.stringContaining('Line 2 of') });
    expect(await sluice('--receipts', join(folder, 'none'))).toMatchObject({ code: 1, stderr: expect.stringContaining('ENOENT') });
    expect(await sluice('--receipts', folder)).toMatchObject({ code: 1, stderr: `sluice: The receipts cannot be read: ${folder} is a folder.\n` });
  });
});
