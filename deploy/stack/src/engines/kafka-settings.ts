import { askServer, type Place } from './tcp-question.ts';

const DESCRIBE_CONFIGS_KEY = 32;
const DESCRIBE_CONFIGS_VERSION = 1;
const CORRELATION = 8;
const SIZE_BYTES = 4;
const BROKER = 4;

/**
 * What a broker's settings are, of those that are named (Kafka protocol guide, "DescribeConfigs", version 1). A broker
 * answers for itself alone: `broker` is the id of the one at that place. Secret values are never told.
 */
export async function askKafkaSettings(place: Place, broker: number, names: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  return askServer(place, { text: settingsRequest(broker, names), read: readSettings }, signal);
}

export function settingsRequest(broker: number, names: readonly string[]): Buffer {
  // No name of the client; one resource; no synonyms.
  const body = [int16(DESCRIBE_CONFIGS_KEY), int16(DESCRIBE_CONFIGS_VERSION), int32(CORRELATION), int16(-1), int32(1), Buffer.of(BROKER), text(String(broker)), int32(names.length), ...names.map(text), Buffer.of(0)];
  const size = body.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([int32(size), ...body]);
}

/** Undefined while the answer is not whole. @throws when it is no answer to the question, or a refusal */
export function readSettings(heard: Buffer): ReadonlyMap<string, string> | undefined {
  if (heard.length < SIZE_BYTES || heard.length < SIZE_BYTES + heard.readInt32BE(0)) return undefined;
  let at = SIZE_BYTES;
  const nextInt32 = (): number => heard.readInt32BE((at += 4) - 4);
  const nextInt16 = (): number => heard.readInt16BE((at += 2) - 2);
  const nextText = (): string | null => {
    const length = nextInt16();
    at += Math.max(0, length);
    return length < 0 ? null : heard.toString('utf8', at - length, at);
  };
  if (nextInt32() !== CORRELATION) throw new Error('the answer belongs to another question');
  // How long it was held back.
  nextInt32();
  const found = new Map<string, string>();
  for (let resources = nextInt32(); resources > 0; resources--) {
    const [error, why] = [nextInt16(), nextText()];
    if (error !== 0) throw new Error(`the broker refuses to tell its settings (${why ?? `error ${error}`})`);
    at += 1;
    nextText();
    for (let settings = nextInt32(); settings > 0; settings--) {
      const [name, value] = [nextText(), nextText()];
      // Whether it can be changed, where it comes from, whether it is secret.
      at += 3;
      for (let synonyms = nextInt32(); synonyms > 0; synonyms--) {
        nextText();
        nextText();
        at += 1;
      }
      if (name !== null && value !== null) found.set(name, value);
    }
  }
  return found;
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([int16(bytes.length), bytes]);
}
