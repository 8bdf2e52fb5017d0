export { Authority, LEAF_LIFE_MS, type KeyPair, type LeafNames } from './authority.ts';
export { keepCertificates, type CertificateReport, type ProcessCertificate } from './certificate-folder.ts';
