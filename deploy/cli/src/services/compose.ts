import type { DynamicModule } from '@nestjs/common';
import type { Host } from '@sluice/host';
import { SERVICE_NAMES, type ServiceName } from '@sluice/platform/services';
import type { z } from 'zod';
import type { Addresses } from '../up/up-options.ts';
import { HOSTED_SERVICES, type ServiceParts } from './hosted-service.ts';

/** Every service, owners first and the gateway last. */
export const ALL_SERVICES = Object.keys(HOSTED_SERVICES) as readonly ServiceName[];

/** Some services or all of them, stage by stage: the gateway is stopped first and drains while all that it needs runs. */
export async function compose(names: readonly ServiceName[], parts: ServiceParts): Promise<DynamicModule[][]> {
  const chosen = ALL_SERVICES.filter((name) => names.includes(name));
  const stages = Map.groupBy(chosen, (name) => HOSTED_SERVICES[name].stage);
  const inOrder = [...stages].toSorted(([one], [other]) => one - other).map(([, services]) => services);
  return Promise.all(inOrder.map((services) => Promise.all(services.map((name) => HOSTED_SERVICES[name].make(parts)))));
}

/** The settings of some services, by their environment names. */
export async function shapeOf(names: readonly ServiceName[]): Promise<z.ZodRawShape> {
  const shapes = await Promise.all(names.map((name) => HOSTED_SERVICES[name].shape()));
  return Object.assign({}, ...shapes) as z.ZodRawShape;
}

/** Whether a word names a service. */
export function isService(word: string): word is ServiceName {
  return (SERVICE_NAMES as readonly string[]).includes(word);
}

/** Where the started gateway listens. */
export async function addressesOf(host: Host): Promise<Addresses & { readonly directUrl: string | undefined }> {
  const { GatewayAddresses } = await import('@sluice/gateway');
  const addresses = host.get(GatewayAddresses);
  return { url: addresses.public, adminUrl: addresses.admin, directUrl: addresses.direct, ...(addresses.grpc !== '' && { grpcAddress: addresses.grpc }) };
}
