import { isErrno } from '../data-folder/private-file.ts';

/** The reader of a pipe has gone, or the terminal was closed. */
const GONE = ['EPIPE', 'EIO', 'ERR_STREAM_DESTROYED'];

/**
 * A reader that has seen enough (`| head`) is no fault: what is still written for it is dropped, and the command goes on
 * to its end, so that it stops and removes whatever it has made.
 */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error) => {
      if (!GONE.some((code) => isErrno(error, code))) throw error;
    });
  }
}
