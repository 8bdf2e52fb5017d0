import { keepCertificates, type CertificateReport, type ProcessCertificate } from '@sluice/certificates';
import { systemClock, systemIds } from '@sluice/clock';
import { CommandFailed } from '../exit-code.ts';

/** Sees to the certificates of a folder. Throws a CommandFailed for files that are damaged; what the file system says has words of its own. */
export async function keepToldCertificates(folder: string, wanted: readonly ProcessCertificate[]): Promise<CertificateReport[]> {
  return keepCertificates(folder, wanted, systemClock, systemIds(systemClock)).catch((error: unknown) => {
    throw error instanceof Error && !('syscall' in error) ? new CommandFailed(error.message, { cause: error }) : error;
  });
}
