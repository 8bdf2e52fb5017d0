import { metrics } from '@opentelemetry/api';
import { ServiceError } from '@sluice/errors';

const acts = metrics.getMeter('@sluice/model-registry').createCounter('sluice.model_registry.acts', {
  description: 'Administrative acts that the model registry was asked for, by verb and outcome (`done` or an error code).',
});

/** Runs an act and counts how it ended. */
export async function countAct<T>(action: string, run: () => Promise<T>): Promise<T> {
  try {
    const result = await run();
    acts.add(1, { action, outcome: 'done' });
    return result;
  } catch (thrown) {
    acts.add(1, { action, outcome: ServiceError.from(thrown).code });
    throw thrown;
  }
}
