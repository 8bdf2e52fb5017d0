import { connect } from 'node:net';
import { HOST } from '../ports.ts';

/** No answer to the questions of this folder is anywhere near as long. */
const ANSWER_LIMIT_BYTES = 1024 * 1024;

/**
 * Sends one question to a port of this machine and reads until `read` makes something of what came.
 * Rejects when the server is away, hangs up, says too much, or the signal aborts.
 */
export async function askPort<Answer>(port: number, question: Uint8Array, read: (heard: Buffer) => Answer | undefined, signal: AbortSignal): Promise<Answer> {
  const socket = connect({ host: HOST, port });
  const giveUp = (): void => void socket.destroy(signal.reason instanceof Error ? signal.reason : new Error('given up'));
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    return await new Promise<Answer>((resolve, reject) => {
      let heard = Buffer.alloc(0);
      socket.once('connect', () => socket.write(question));
      socket.once('error', reject).once('close', () => reject(new Error('the server hung up')));
      socket.on('data', (chunk: Buffer) => {
        heard = Buffer.concat([heard, chunk]);
        try {
          const answer = read(heard);
          if (answer !== undefined) resolve(answer);
          else if (heard.length > ANSWER_LIMIT_BYTES) reject(new Error('the answer is too long'));
        } catch (error) {
          reject(error as Error);
        }
      });
    });
  } finally {
    signal.removeEventListener('abort', giveUp);
    socket.destroy();
  }
}
