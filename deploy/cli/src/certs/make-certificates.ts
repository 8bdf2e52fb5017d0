import { isIP } from 'node:net';
import type { CertificateReport, ProcessCertificate } from '@sluice/certificates';
import type { ServiceName } from '@sluice/platform/services';
import { makeFolder } from '../data-folder/make-folder.ts';
import { WrongUse } from '../exit-code.ts';
import { meshProcesses } from '../mesh/mesh-processes.ts';
import { ALL_SERVICES, isService } from '../services/compose.ts';
import { keepToldCertificates } from './told-certificates.ts';

/** RFC 1123, with a first label that stands for any; engines of containers give names with `_`. */
const HOST_NAME = /^(?=.{1,253}$)(?:\*\.)?[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*$/i;

/** `NAME=SERVICE,SERVICE`: the processes that differ from the usual ones, or are added to them. */
export interface CertsOptions {
  readonly process?: readonly string[];
  readonly host?: readonly string[];
}

/** Each process, what it may prove to be, and until when. */
export type MadeCertificate = CertificateReport & { readonly services: readonly ServiceName[] };

/** Sees to it that the folder holds an authority and a good certificate for each process of a mesh. */
export async function makeCertificates(folder: string, { process = [], host = [] }: CertsOptions): Promise<MadeCertificate[]> {
  const wanted = wantedProcesses(process).map(([name, services]): ProcessCertificate & { services: readonly ServiceName[] } => ({ name, services, hosts: host }));
  const wrongHost = host.find((name) => isIP(name) === 0 && !HOST_NAME.test(name));
  if (wrongHost !== undefined) throw new WrongUse(`${JSON.stringify(wrongHost)} is no host name and no address.`);
  makeFolder(folder, 0o700);
  const reports = await keepToldCertificates(folder, wanted);
  return reports.map((report) => ({ ...report, services: wanted.find(({ name }) => name === report.name)?.services ?? [] }));
}

/** The data plane, and each other service by itself; those that are given instead of them. */
function wantedProcesses(given: readonly string[]): (readonly [string, readonly ServiceName[]])[] {
  if (given.length > 0) return given.map(parse);
  return meshProcesses(1).map(({ name, services, isDataPlane }) => [isDataPlane ? 'data-plane' : name, services]);
}

function parse(text: string): readonly [string, readonly ServiceName[]] {
  const [name = '', list = ''] = text.split('=', 2);
  const words = list.split(',').filter(Boolean);
  const unknown = words.find((word) => !isService(word));
  if (unknown !== undefined) throw new WrongUse(`There is no service ${JSON.stringify(unknown)}. There are ${ALL_SERVICES.join(', ')}.`);
  if (name === '' || words.length === 0) throw new WrongUse(`Give a process as NAME=SERVICE,SERVICE; this is ${JSON.stringify(text)}.`);
  return [name, words.filter(isService)];
}
