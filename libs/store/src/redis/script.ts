import { createHash } from 'node:crypto';
import type { Connection } from './connection.ts';

/**
 * A Lua script, sent by its digest. A server that has forgotten it refuses it: sent in full, it would run later than what was sent
 * behind it, so the connection has failed then, and the next one makes the server learn it anew.
 */
export class Script {
  readonly #source: string;
  readonly #digest: string;

  constructor(source: string) {
    this.#source = source;
    this.#digest = createHash('sha1').update(source).digest('hex');
  }

  /** Makes it known to the server. */
  async load(connection: Connection): Promise<void> {
    await connection.send(['SCRIPT', 'LOAD', this.#source]);
  }

  async run(connection: Connection, keys: readonly string[], args: readonly (string | number)[]): Promise<readonly unknown[]> {
    return listOf(await connection.send(['EVALSHA', this.#digest, String(keys.length), ...keys, ...args.map(String)]));
  }
}

function listOf(reply: unknown): readonly unknown[] {
  if (!Array.isArray(reply)) throw new Error('Redis answered a script with something else than a list');
  return reply;
}
