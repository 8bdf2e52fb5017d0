import type { Choices } from '../folder/choices.ts';
import type { StackFolder } from '../folder/stack-folder.ts';
import { bringKafka, type KafkaPackage } from '../packages/kafka-jars.ts';
import { bringRedis } from '../packages/redis-debs.ts';
import { bringTriton } from '../packages/triton-wheel.ts';
import { portsAt } from '../ports.ts';
import type { Engine } from './engine.ts';
import { BROKERS } from './kafka-properties.ts';
import { kafka } from './kafka.ts';
import { postgres } from './postgres.ts';
import { redis } from './redis.ts';
import { triton, type FillModels } from './triton.ts';

/** Every server of a stack, as its choices say. `cache` is where packages are kept; `fill` is needed to start Triton with models. */
export function enginesOf(folder: StackFolder, choices: Choices, cache: string, fill?: FillModels): Engine[] {
  const ports = portsAt(choices.portOffset);
  const brokers = choices.small ? 1 : BROKERS;
  let kafkaPackage: Promise<KafkaPackage> | undefined;
  const options = {
    folder,
    ports,
    brokers,
    clusterId: choices.clusterId,
    bring: async (...asked: Parameters<Engine['prepare']>) => (kafkaPackage ??= bringKafka(cache, ...asked)),
  };
  return [
    ...Array.from({ length: brokers }, (_, index) => kafka(index + 1, options)),
    postgres({ folder, port: ports.postgres, password: choices.postgresPassword }),
    redis({ folder, port: ports.redis, password: choices.redisPassword, bring: async (...asked) => bringRedis(cache, ...asked) }),
    triton({ folder, ports, models: choices.models, fill, bring: async (...asked) => bringTriton(cache, ...asked) }),
  ];
}
