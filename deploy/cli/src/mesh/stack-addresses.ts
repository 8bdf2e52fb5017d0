import { isAtWork, readStackFile, stackFolder } from '@sluice/stack';
import { CommandFailed } from '../exit-code.ts';
import { tellStackError } from '../stack/tell-stack-error.ts';

/** The servers that a mesh runs on. */
export interface StackAddresses {
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** Of every broker that runs, with commas between them. */
  readonly kafkaBrokers: string;
  /** A small stack has one broker. Of another some may be down now: topics that are made meanwhile must not have fewer replicas for good. */
  readonly kafkaReplicas: 1 | 3;
}

/** Reads where the servers of a stack are. Throws a CommandFailed that says how to start what does not run, or how to mend what cannot be read. */
export async function stackAddresses(data: string): Promise<StackAddresses> {
  const folder = stackFolder(data);
  // Asked first: a start that ends in between has then written down all that it started.
  const start = (await isAtWork(folder.lock)) ? 'A stack command is at work on it, as while it starts: wait until that has ended.' : `Start it with: sluice stack up --data ${data}`;
  const file = await readStackFile(folder.stackFile).catch(tellStackError);
  if (!file) throw new CommandFailed(`No stack runs in ${data}. ${start}`);
  const addressOf = (engine: string): string => {
    const running = file.engines[engine];
    if (!running) throw new CommandFailed(`The stack in ${data} has no ${engine}. ${start}`);
    return running.address;
  };
  const brokers = ['kafka-1', ...Object.keys(file.engines).filter((name) => /^kafka-\d+$/.test(name) && name !== 'kafka-1')];
  return { databaseUrl: addressOf('postgres'), redisUrl: addressOf('redis'), kafkaBrokers: brokers.map(addressOf).join(','), kafkaReplicas: file.small ? 1 : 3 };
}
