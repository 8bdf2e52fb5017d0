import { connect, isIP } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { HOST } from '../ports.ts';

/** No answer to the questions of this folder is anywhere near as long. */
const ANSWER_LIMIT_BYTES = 1024 * 1024;

/** A server somewhere. */
export interface Place {
  readonly host: string;
  readonly port: number;
  /** Over TLS, its certificate and its name checked by the authorities that the machine knows. */
  readonly isTls?: boolean;
}

/** What is sent, and what is made of the answer: undefined while it is not whole. */
export interface Question<Answer> {
  readonly text: Uint8Array;
  read(heard: Buffer): Answer | undefined;
}

/** `askServer` of a port of this machine. */
export async function askPort<Answer>(port: number, text: Uint8Array, read: (heard: Buffer) => Answer | undefined, signal: AbortSignal): Promise<Answer> {
  return askServer({ host: HOST, port }, { text, read }, signal);
}

/**
 * Sends one question to a server and reads until `read` makes something of what came.
 * Rejects when the server is away, hangs up, says too much, or the signal aborts.
 *
 * @param onConnected what else is looked at of the connection
 */
export async function askServer<Answer>({ host, port, isTls = false }: Place, { text, read }: Question<Answer>, signal: AbortSignal, onConnected?: (socket: TLSSocket) => void): Promise<Answer> {
  const socket = isTls ? connectTls({ host, port, servername: isIP(host) ? '' : host }, () => onConnected?.(socket as TLSSocket)) : connect({ host, port });
  const giveUp = (): void => void socket.destroy(signal.reason instanceof Error ? signal.reason : new Error('given up'));
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    return await new Promise<Answer>((resolve, reject) => {
      let heard = Buffer.alloc(0);
      socket.once(isTls ? 'secureConnect' : 'connect', () => socket.write(text));
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
