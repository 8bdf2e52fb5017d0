import { X509Certificate } from 'node:crypto';

/** Who a process of the house is, in its certificate (SPIFFE ID, section 2): independent of hosts, which come and go. */
export function identityOf(service: string): string {
  return `spiffe://sluice/${service}`;
}

/** Undefined when the certificate names the service; else the fault, as `tls.connect` wants it. */
export function checkPeerIdentity(certificate: Buffer, service: string): Error | undefined {
  if (urisOf(new X509Certificate(certificate)).includes(identityOf(service))) return undefined;
  return new Error(`The certificate of the other side does not name ${identityOf(service)}.`);
}

/** Node quotes a name that holds a comma or a quote (as JSON), so the list is cut between quoted parts only. */
function urisOf({ subjectAltName = '' }: X509Certificate): string[] {
  const names = subjectAltName.match(/(?:"(?:[^"\\]|\\.)*"|[^,"])+/g) ?? [];
  return names.map((name) => name.trim()).filter((name) => name.startsWith('URI:')).map((name) => name.slice('URI:'.length));
}
