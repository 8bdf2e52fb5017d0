import { callersOf, HOUSE_SERVICES, isCalledFromElsewhere, type ServiceName } from '@sluice/platform/services';

/** One process of a mesh on one machine. */
export interface MeshProcess {
  readonly name: string;
  readonly services: readonly ServiceName[];
  /** It answers clients. */
  readonly isDataPlane: boolean;
  /** Services of other processes call it. */
  readonly isCalled: boolean;
}

const DATA_PLANE: readonly ServiceName[] = ['gateway', 'content-filter', 'inference-router'];
const OWNERS: readonly ServiceName[] = ['access', 'model-registry', 'content-filter-rules', 'audit', 'billing', 'local-engine'];

/** So many processes of the data plane, and one for each other service. */
export function meshProcesses(dataPlanes: number): MeshProcess[] {
  const front = Array.from({ length: dataPlanes }, (_, index) => ({ name: `data-plane-${index + 1}`, services: DATA_PLANE, isDataPlane: true }));
  const owners = OWNERS.map((name) => ({ name, services: [name], isDataPlane: false }));
  return [...owners, ...front].map((one) => ({ ...one, isCalled: isCalledFromElsewhere(one.services) }));
}

/** The processes that must serve before another starts, so that its start need not wait for theirs: owners of what a gateway copies. Billing takes its time after a crash, and nobody starts by it. */
export function startsBefore({ services }: MeshProcess): boolean {
  return services.every((name) => name !== 'billing' && callersOf(name).length > 0 && HOUSE_SERVICES[name].ownsTables);
}
