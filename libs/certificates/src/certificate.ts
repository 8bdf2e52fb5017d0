import { createHash, createPublicKey, sign, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import * as x509 from '@peculiar/asn1-x509';

const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';
const COMMON_NAME = '2.5.4.3';
const SUBJECT_KEY_IDENTIFIER = '2.5.29.14';
/** RFC 5280 allows 20 bytes; RFC 7093, section 2, method 1 makes key identifiers of as many. */
const IDENTIFIER_BYTES = 20;

export interface CertificateFields {
  /** Common name: for people who read a list of certificates. Nothing decides by it. */
  readonly subject: string;
  readonly issuer: string;
  /** Positive, at most 20 bytes, from a random source. */
  readonly serial: Buffer;
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly publicKey: KeyObject;
  /** Undefined for an authority. */
  readonly names: { readonly uris: readonly string[]; readonly hosts: readonly string[] } | undefined;
}

/** An X.509 v3 certificate (RFC 5280) in PEM, signed with ECDSA over P-256. The key never leaves Node's OpenSSL. */
export function signCertificate(fields: CertificateFields, issuerKey: KeyObject): string {
  const algorithm = new x509.AlgorithmIdentifier({ algorithm: ECDSA_WITH_SHA256 });
  const tbsCertificate = new x509.TBSCertificate({
    version: x509.Version.v3,
    serialNumber: exact(fields.serial),
    signature: algorithm,
    issuer: nameOf(fields.issuer),
    validity: new x509.Validity({ notBefore: fields.notBefore, notAfter: fields.notAfter }),
    subject: nameOf(fields.subject),
    subjectPublicKeyInfo: keyInfoOf(fields.publicKey),
    extensions: new x509.Extensions([...usageOf(fields), ...identifiersOf(fields.publicKey, createPublicKey(issuerKey))]),
  });
  const signature = sign('sha256', Buffer.from(AsnConvert.serialize(tbsCertificate)), issuerKey);
  const certificate = new x509.Certificate({ tbsCertificate, signatureAlgorithm: algorithm, signatureValue: exact(signature) });
  return pemOf(Buffer.from(AsnConvert.serialize(certificate)));
}

function usageOf({ names }: CertificateFields): x509.Extension[] {
  const usage = (flags: number) => extension(x509.id_ce_keyUsage, true, new x509.KeyUsage(flags));
  if (!names) {
    const constraints = new x509.BasicConstraints({ cA: true, pathLenConstraint: 0 });
    return [extension(x509.id_ce_basicConstraints, true, constraints), usage(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign)];
  }
  const alternatives = [
    ...names.uris.map((uri) => new x509.GeneralName({ uniformResourceIdentifier: uri })),
    ...names.hosts.map((host) => new x509.GeneralName(isIP(host) ? { iPAddress: host } : { dNSName: host })),
  ];
  return [
    usage(x509.KeyUsageFlags.digitalSignature),
    extension(x509.id_ce_extKeyUsage, false, new x509.ExtendedKeyUsage([x509.id_kp_serverAuth, x509.id_kp_clientAuth])),
    extension(x509.id_ce_subjectAltName, false, new x509.SubjectAlternativeName(alternatives)),
  ];
}

function identifiersOf(subject: KeyObject, issuer: KeyObject): x509.Extension[] {
  const authority = new x509.AuthorityKeyIdentifier({ keyIdentifier: new x509.KeyIdentifier(identifierOf(issuer)) });
  return [
    extension(SUBJECT_KEY_IDENTIFIER, false, new x509.SubjectKeyIdentifier(identifierOf(subject))),
    extension(x509.id_ce_authorityKeyIdentifier, false, authority),
  ];
}

function extension(extnID: string, critical: boolean, value: object): x509.Extension {
  return new x509.Extension({ extnID, critical, extnValue: new OctetString(AsnConvert.serialize(value)) });
}

function nameOf(commonName: string): x509.Name {
  const value = new x509.AttributeValue({ utf8String: commonName });
  return new x509.Name([new x509.RelativeDistinguishedName([new x509.AttributeTypeAndValue({ type: COMMON_NAME, value })])]);
}

function keyInfoOf(key: KeyObject): x509.SubjectPublicKeyInfo {
  return AsnConvert.parse(key.export({ type: 'spki', format: 'der' }), x509.SubjectPublicKeyInfo);
}

function identifierOf(key: KeyObject): ArrayBuffer {
  return exact(createHash('sha256').update(Buffer.from(keyInfoOf(key).subjectPublicKey)).digest().subarray(0, IDENTIFIER_BYTES));
}

/** The bytes in a buffer of their own, which is what the encoder takes. */
function exact(bytes: Buffer): ArrayBuffer {
  return new Uint8Array(bytes).buffer;
}

function pemOf(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
