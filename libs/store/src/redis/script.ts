import { createHash } from 'node:crypto';
import type { Connection } from './connection.ts';

/** A Lua script: sent by its digest, and in full to a server that has forgotten it. */
export class Script {
  readonly #source: string;
  readonly #digest: string;

  constructor(source: string) {
    this.#source = source;
    this.#digest = createHash('sha1').update(source).digest('hex');
  }

  /** Known to the server from then on: otherwise a script that is new to it would run later than those sent behind it. */
  async load(connection: Connection): Promise<void> {
    await connection.send(['SCRIPT', 'LOAD', this.#source]);
  }

  async run(connection: Connection, keys: readonly string[], args: readonly (string | number)[]): Promise<readonly unknown[]> {
    const words = [String(keys.length), ...keys, ...args.map(String)];
    try {
      return listOf(await connection.send(['EVALSHA', this.#digest, ...words]));
    } catch (thrown) {
      if (!(thrown instanceof Error) || !thrown.message.startsWith('NOSCRIPT')) throw thrown;
      return listOf(await connection.send(['EVAL', this.#source, ...words]));
    }
  }
}

function listOf(reply: unknown): readonly unknown[] {
  if (!Array.isArray(reply)) throw new Error('Redis answered a script with something else than a list');
  return reply;
}
