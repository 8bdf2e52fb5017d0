import { isErrno } from '../data-folder/private-file.ts';
import { EXIT } from '../exit-code.ts';

/** The reader of a pipe has gone, or the terminal was closed. */
const GONE = ['EPIPE', 'EIO', 'ERR_STREAM_DESTROYED'];
/** A file that output is led to, and that takes no more. */
const FULL = ['ENOSPC', 'EDQUOT', 'EFBIG'];

/**
 * A reader that has seen enough (`| head`) is no fault: what is still written for it is dropped, and the command goes on
 * to its end, so that it stops and removes whatever it has made. A full disk is one: the command ends as failed.
 */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error) => {
      if (GONE.some((code) => isErrno(error, code))) return;
      if (!FULL.some((code) => isErrno(error, code))) throw error;
      process.exitCode = EXIT.failed;
      if (stream === process.stdout) process.stderr.write('sluice: Standard output could not be written: the disk that it goes to is full. What is there is not whole.\n');
    });
  }
}
