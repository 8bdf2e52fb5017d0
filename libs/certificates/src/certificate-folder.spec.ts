import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ManualClock, systemIds } from '@sluice/clock';
import { keepCertificates, type ProcessCertificate } from './index.ts';

const DAY_MS = 24 * 60 * 60_000;
const audit: ProcessCertificate = { name: 'audit', services: ['audit'], hosts: ['localhost', '127.0.0.1'] };
const plane: ProcessCertificate = { name: 'data-plane', services: ['gateway', 'content-filter', 'inference-router'], hosts: ['localhost'] };

describe('a folder of certificates', () => {
  let folder: string;
  let clock: ManualClock;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sluice-certs-'));
    clock = new ManualClock();
  });
  afterEach(() => rm(folder, { recursive: true }));

  const keep = (...wanted: ProcessCertificate[]) => keepCertificates(folder, wanted, clock, systemIds(clock));
  const news = async (...wanted: ProcessCertificate[]) => (await keep(...wanted)).filter(({ isNew }) => isNew).map(({ name }) => name);
  const text = (name: string) => readFile(join(folder, name), 'utf8');

  it('is filled once, with keys that only their owner reads, and then stays', async () => {
    expect(await news(audit, plane)).toEqual(['ca', 'audit', 'data-plane']);
    expect((await readdir(folder)).sort()).toEqual(['audit.key', 'audit.pem', 'ca.key', 'ca.pem', 'data-plane.key', 'data-plane.pem']);
    for (const key of ['audit.key', 'ca.key', 'data-plane.key']) expect((await stat(join(folder, key))).mode & 0o777).toBe(0o600);
    const before = await Promise.all([text('ca.pem'), text('audit.pem'), text('audit.key')]);
    expect(await news(audit, plane)).toEqual([]);
    expect(await Promise.all([text('ca.pem'), text('audit.pem'), text('audit.key')])).toEqual(before);
  });

  it('renews what ends within 30 days, under the same authority', async () => {
    await keep(audit);
    clock.jump(60 * DAY_MS - 5_000);
    expect(await news(audit, plane)).toEqual(['data-plane']);
    clock.jump(10_000);
    expect(await news(audit, plane)).toEqual(['audit']);
    const [ca, renewed] = [new X509Certificate(await text('ca.pem')), new X509Certificate(await text('audit.pem'))];
    expect(renewed.verify(ca.publicKey)).toBe(true);
    expect(renewed.validToDate.getTime()).toBeGreaterThan(clock.wallMs() + 89 * DAY_MS);
  });

  it('makes anew what lacks a service, a host, its key, or belongs to another authority', async () => {
    await keep(audit, plane);
    expect(await news({ ...audit, services: ['audit', 'billing'] }, plane)).toEqual(['audit']);
    expect(await news({ ...audit, hosts: ['audit.example'] }, plane)).toEqual(['audit']);
    await rm(join(folder, 'data-plane.key'));
    expect(await news(plane)).toEqual(['data-plane']);
    await writeFile(join(folder, 'data-plane.key'), await text('audit.key'));
    expect(await news(plane)).toEqual(['data-plane']);
    await rm(join(folder, 'ca.key'));
    await rm(join(folder, 'ca.pem'));
    expect(await news(plane)).toEqual(['ca', 'data-plane']);
  });

  it('never replaces an authority of which a half is missing, or that ends soon', async () => {
    await keep(audit);
    const [certificate, key] = [await text('ca.pem'), await text('ca.key')];
    await rm(join(folder, 'ca.key'));
    await expect(keep(audit)).rejects.toThrow('one of ca.pem and ca.key');
    await writeFile(join(folder, 'ca.key'), key);
    clock.jump(3_630 * DAY_MS);
    await expect(keep(audit)).rejects.toThrow('trust both');
    expect([await text('ca.pem'), await text('ca.key')]).toEqual([certificate, key]);
  });

  it.each(['../audit', 'ca', '', 'Audit', 'a/b'])('refuses files named %p', async (name) => {
    await expect(keep({ ...audit, name })).rejects.toThrow('cannot name');
    expect(await readdir(folder)).toEqual([]);
  });
});
