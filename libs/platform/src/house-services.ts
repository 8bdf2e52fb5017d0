/** The services that a process may host, by their names: in commands, settings and certificates. */
export type ServiceName = 'gateway' | 'content-filter' | 'content-filter-rules' | 'inference-router' | 'access' | 'model-registry' | 'audit' | 'billing' | 'local-engine';

export interface HouseService {
  /** Full name of what it answers, as it stands in `proto/`; the gateway answers HTTP alone. */
  readonly rpc: string | undefined;
  /** The services whose rpcs it calls. Nobody else is let in by a server that asks for certificates. */
  readonly calls: readonly ServiceName[];
  /** It has tables, in a schema of its own. */
  readonly ownsTables: boolean;
  /** It wraps secrets at rest; nobody else is given the root key. */
  readonly wrapsSecrets: boolean;
  /** It counts together with its other instances. */
  readonly shares: boolean;
  /** It writes to the event log or reads it. */
  readonly usesEvents: boolean;
}

/** Who answers what, and who calls whom: the one place that knows. Services themselves do not know where the others run. */
export const HOUSE_SERVICES: Readonly<Record<ServiceName, HouseService>> = {
  gateway: { rpc: undefined, calls: ['access', 'model-registry', 'content-filter', 'content-filter-rules', 'inference-router', 'billing', 'audit'], ownsTables: false, wrapsSecrets: false, shares: true, usesEvents: true },
  'content-filter': { rpc: 'content_filter.v1.ContentFilterService', calls: ['content-filter-rules'], ownsTables: false, wrapsSecrets: false, shares: false, usesEvents: true },
  'content-filter-rules': { rpc: 'content_filter.v1.FilterRulesService', calls: ['access'], ownsTables: true, wrapsSecrets: true, shares: false, usesEvents: true },
  'inference-router': { rpc: 'inference.v1.InferenceService', calls: ['model-registry', 'local-engine'], ownsTables: false, wrapsSecrets: false, shares: false, usesEvents: true },
  access: { rpc: 'access.v1.AccessService', calls: [], ownsTables: true, wrapsSecrets: true, shares: false, usesEvents: true },
  'model-registry': { rpc: 'model_registry.v1.ModelRegistryService', calls: ['access'], ownsTables: true, wrapsSecrets: true, shares: false, usesEvents: true },
  audit: { rpc: 'audit.v1.AuditService', calls: ['access'], ownsTables: true, wrapsSecrets: true, shares: false, usesEvents: true },
  billing: { rpc: 'billing.v1.BillingService', calls: ['access'], ownsTables: true, wrapsSecrets: false, shares: false, usesEvents: true },
  'local-engine': { rpc: 'inference.GRPCInferenceService', calls: [], ownsTables: false, wrapsSecrets: false, shares: false, usesEvents: false },
};

export const SERVICE_NAMES = Object.keys(HOUSE_SERVICES) as readonly ServiceName[];

/** What a service may need of the servers that the processes of a mesh have in common. */
export type Need = 'ownsTables' | 'wrapsSecrets' | 'shares' | 'usesEvents';

/** Those of these services that need something. A process in which none does is not given it, whatever its settings say. */
export function needing(what: Need, hosted: readonly ServiceName[]): readonly ServiceName[] {
  return hosted.filter((name) => HOUSE_SERVICES[name][what]);
}

/** What runs where no address says so is done without. */
const OPTIONAL: readonly ServiceName[] = ['local-engine'];

/** The service that answers an rpc; undefined for one that is not the house's. */
export function serviceOf(rpc: string): ServiceName | undefined {
  return SERVICE_NAMES.find((name) => HOUSE_SERVICES[name].rpc === rpc);
}

/** The services that a process with these calls elsewhere; `needed` are those without which it cannot do its work. */
export function calledElsewhere(hosted: readonly ServiceName[]): { readonly needed: readonly ServiceName[]; readonly all: readonly ServiceName[] } {
  const all = [...new Set(hosted.flatMap((name) => HOUSE_SERVICES[name].calls))].filter((name) => !hosted.includes(name));
  return { needed: all.filter((name) => !OPTIONAL.includes(name)), all };
}

/** Those that call a service. */
export function callersOf(service: ServiceName): readonly ServiceName[] {
  return SERVICE_NAMES.filter((name) => HOUSE_SERVICES[name].calls.includes(service));
}

/** Whether somebody in another process calls what these answer, so that their process has to listen. */
export function isCalledFromElsewhere(hosted: readonly ServiceName[]): boolean {
  return hosted.some((name) => callersOf(name).some((caller) => !hosted.includes(caller)));
}
