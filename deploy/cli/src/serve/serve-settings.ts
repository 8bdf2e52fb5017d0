import { ConfigError, processEnvironment, readConfig, type Environment } from '@sluice/config';
import { meshShapeFor, type meshShape } from '@sluice/host';
import type { ServiceName } from '@sluice/platform/services';
import { telemetryConfig } from '@sluice/telemetry';
import { z } from 'zod';
import type { ServiceSettings } from '../services/hosted-service.ts';
import { shapeOf } from '../services/compose.ts';

type OwnSettings = Readonly<z.output<z.ZodObject<typeof meshShape & typeof telemetryConfig>>>;

export interface ServeSettings {
  /** Of the process itself. */
  readonly own: OwnSettings;
  /** Of its services. */
  readonly services: ServiceSettings;
}

/** Reads the settings of a process with these services; throws one ConfigError that names all that is wrong and all that is missing. */
export async function readServeSettings(hosted: readonly ServiceName[], environment: Environment = processEnvironment): Promise<ServeSettings> {
  const shape = { ...telemetryConfig, ...meshShapeFor(hosted, environment), ...(await shapeOf(hosted)), ...ownName(hosted, environment) };
  const given = readConfig(shape, environment);
  // Of services that are not hosted here there is nothing in it, and nobody asks for it.
  const services = given as unknown as ServiceSettings;
  const own = given as unknown as ServeSettings['own'];
  const clash = clashingPorts(hosted, services);
  if (clash !== undefined) throw new ConfigError([clash]);
  return { own, services };
}

/** A default would be the same for every gateway of the mesh, and two of one name would take the log from each other. */
function ownName(hosted: readonly ServiceName[], environment: Environment): z.ZodRawShape {
  const isMissing = hosted.includes('gateway') && (environment['SLUICE_PRODUCER'] ?? '') === '';
  return isMissing ? { SLUICE_PRODUCER: z.string('is missing: the name of this process on the log, unlike that of any other gateway') } : {};
}

function clashingPorts(hosted: readonly ServiceName[], { SLUICE_PORT, SLUICE_ADMIN_PORT, SLUICE_DIRECT_PORT, SLUICE_GRPC_PORT }: ServiceSettings): string | undefined {
  if (!hosted.includes('gateway')) return undefined;
  const ports = [SLUICE_PORT, SLUICE_ADMIN_PORT, SLUICE_DIRECT_PORT, SLUICE_GRPC_PORT].filter((port) => port !== undefined && port !== 0);
  return new Set(ports).size === ports.length ? undefined : 'SLUICE_PORT, SLUICE_ADMIN_PORT, SLUICE_DIRECT_PORT, SLUICE_GRPC_PORT: each needs a port of its own';
}
