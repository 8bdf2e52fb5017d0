import { metrics, type Counter } from '@opentelemetry/api';
import { ServiceError } from '@sluice/errors';

/** Runs an act and counts how it ended. */
export type CountAct = <T>(action: string, run: () => Promise<T>) => Promise<T>;

/** Counts the administrative acts that a service is asked for, as `sluice.<service>.acts` by `action` and `outcome` (`done` or an error code). */
export function actCounter(service: string): CountAct {
  let acts: Counter | undefined;
  // Made with the first act: a counter that is made before telemetry has started counts nothing, for ever.
  const count = (action: string, outcome: string): void => {
    acts ??= metrics.getMeter(`@sluice/${service}`).createCounter(`sluice.${service.replaceAll('-', '_')}.acts`, {
      description: `Administrative acts that ${service} was asked for, by verb and outcome (\`done\` or an error code).`,
    });
    acts.add(1, { action, outcome });
  };
  return async (action, run) => {
    try {
      const result = await run();
      count(action, 'done');
      return result;
    } catch (thrown) {
      count(action, ServiceError.from(thrown).code);
      throw thrown;
    }
  };
}
