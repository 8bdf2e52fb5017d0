import 'reflect-metadata';
import type { DynamicModule, INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { Logger } from '@sluice/telemetry';
import { nestLogger } from './nest-logger.ts';

/** The services of one process. */
export interface Host {
  /** What a service offers by its injection token, for example the addresses that the gateway listens on. */
  get<T>(token: abstract new (...parameters: never[]) => T): T;
  /** Stops the services in the reverse of their order; a second call waits for the same end. */
  stop(): Promise<void>;
}

export interface HostOptions {
  readonly logger: Logger;
  /**
   * Stage by stage, the services of one stage side by side: what reads an owner at its start comes a stage later.
   * Stopped one by one, the last one first.
   */
  readonly stages: readonly (readonly DynamicModule[])[];
}

/**
 * Hosts any set of services in this process, each in a Nest application context of its own: they share nothing but the
 * platform, and one that fails to start leaves the others in a state in which they can be stopped.
 * Resolves when every service has started; throws the first failure after the others have been stopped.
 */
export async function startHost({ logger, stages }: HostOptions): Promise<Host> {
  const options = { logger: nestLogger(logger), abortOnError: false };
  const running: INestApplicationContext[] = [];
  for (const services of stages) {
    const starts = await Promise.allSettled(services.map(async (service) => NestFactory.createApplicationContext(service, options)));
    running.push(...starts.flatMap((start) => (start.status === 'fulfilled' ? [start.value] : [])));
    const failed = starts.find((start) => start.status === 'rejected');
    if (!failed) continue;
    await stopAll(running, logger);
    throw failed.reason;
  }
  let stopped: Promise<void> | undefined;
  return {
    get: (token) => find(running, token),
    stop: () => (stopped ??= stopAll(running, logger)),
  };
}

/** A service that cannot stop must not keep the others from stopping. */
async function stopAll(running: readonly INestApplicationContext[], logger: Logger): Promise<void> {
  for (const service of running.toReversed()) {
    try {
      await service.close();
    } catch (error) {
      logger.error({ error: error instanceof Error ? error : new Error(String(error)) }, 'A service did not stop as it should.');
    }
  }
}

function find<T>(running: readonly INestApplicationContext[], token: abstract new (...parameters: never[]) => T): T {
  for (const service of running) {
    try {
      return service.get<T>(token as never, { strict: false });
    } catch {
      // Nest throws when a context does not know the token; the next one may.
    }
  }
  throw new Error(`No service of this process offers ${token.name}.`);
}
