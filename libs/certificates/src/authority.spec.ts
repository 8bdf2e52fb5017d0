import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ManualClock, systemIds } from '@sluice/clock';
import { Authority, LEAF_LIFE_MS } from './index.ts';
import { checkPeerIdentity, identityOf } from './peer-identity.ts';

const DAY_MS = 24 * 60 * 60_000;
const clock = new ManualClock(Date.UTC(2030, 0, 1, 12, 0, 0, 678));
const ids = systemIds(clock);
const authority = Authority.make('Test authority', clock, ids);
const label = fc.stringMatching(/^[a-z][a-z0-9-]{0,20}[a-z0-9]$/);

describe('a certificate', () => {
  it('names every service and host it was made for and no other, whatever they are called', () => {
    const hosts = fc.array(fc.oneof(label.map((name) => `${name}.example`), fc.ipV4(), fc.constantFrom('::1', '2001:db8::7')), { minLength: 1, maxLength: 5 });
    fc.assert(fc.property(fc.array(label, { minLength: 1, maxLength: 4 }), hosts, (services, reachedAt) => {
      const { certificate, key } = authority.issue({ subject: services[0]!, services, hosts: reachedAt });
      const made = new X509Certificate(certificate);
      for (const service of services) expect(checkPeerIdentity(made.raw, service)).toBeUndefined();
      for (const host of reachedAt) expect(host.includes(':') || /^[\d.]+$/.test(host) ? made.checkIP(host) : made.checkHost(host)).toBe(host);
      expect(checkPeerIdentity(made.raw, `${services[0]}x`)?.message).toContain(identityOf(`${services[0]}x`));
      expect(made.checkHost('elsewhere.example')).toBeUndefined();
      expect(authority.signed(made)).toBe(true);
      expect(made.checkIssued(authority.certificate)).toBe(true);
      expect(key).toContain('BEGIN PRIVATE KEY');
    }), { numRuns: 25 });
  });

  it('lasts 90 days from five minutes ago, in whole seconds, on the clock that was given', () => {
    const made = new X509Certificate(authority.issue({ subject: 'audit', services: ['audit'], hosts: [] }).certificate);
    expect(made.validFromDate).toEqual(new Date(Date.UTC(2030, 0, 1, 11, 55, 0)));
    expect(made.validToDate.getTime()).toBe(Date.UTC(2030, 0, 1, 12, 0, 0) + LEAF_LIFE_MS);
  });

  it('does not outlive its authority', () => {
    const late = new ManualClock(clock.wallMs() + 3640 * DAY_MS);
    const made = new Authority(authority.pair, late, ids).issue({ subject: 'audit', services: ['audit'], hosts: [] });
    expect(new X509Certificate(made.certificate).validToDate).toEqual(authority.certificate.validToDate);
  });

  it('may serve and call, and may not sign others', () => {
    const made = new X509Certificate(authority.issue({ subject: 'audit', services: ['audit'], hosts: [] }).certificate);
    expect(made.ca).toBe(false);
    expect(made.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1', '1.3.6.1.5.5.7.3.2']);
    expect(authority.certificate.ca).toBe(true);
    expect(authority.certificate.verify(authority.certificate.publicKey)).toBe(true);
  });

  it('has a serial of its own', () => {
    const serials = Array.from({ length: 20 }, () => new X509Certificate(authority.issue({ subject: 's', services: ['s'], hosts: [] }).certificate).serialNumber);
    expect(new Set(serials).size).toBe(20);
    expect(serials.every((serial) => /^[4-7][0-9A-F]{31}$/.test(serial))).toBe(true);
  });

  it('of another authority of the same name is not taken for one of this', () => {
    const other = Authority.make('Test authority', clock, ids);
    expect(authority.signed(new X509Certificate(other.issue({ subject: 's', services: ['s'], hosts: [] }).certificate))).toBe(false);
    expect(() => new Authority({ certificate: authority.pair.certificate, key: other.pair.key }, clock, ids)).toThrow('do not belong together');
  });
});

describe('the identity in a certificate', () => {
  const uris = (...services: string[]) => new X509Certificate(authority.issue({ subject: 's', services, hosts: [] }).certificate).raw;

  it('is found beside others', () => {
    for (const service of ['audit', 'billing']) expect(checkPeerIdentity(uris('audit', 'billing'), service)).toBeUndefined();
  });

  it.each(['x, URI:spiffe://sluice/audit', 'x", URI:spiffe://sluice/audit, "', 'x\\", URI:spiffe://sluice/audit', 'audit/', 'Audit'])('is not forged by a name that reads %s', (name) => {
    expect(checkPeerIdentity(uris(name), 'audit')).toBeInstanceOf(Error);
  });

  it('is not a host name or the common name', () => {
    const made = authority.issue({ subject: 'spiffe://sluice/audit', services: [], hosts: ['audit'] });
    expect(checkPeerIdentity(new X509Certificate(made.certificate).raw, 'audit')).toBeInstanceOf(Error);
  });
});
