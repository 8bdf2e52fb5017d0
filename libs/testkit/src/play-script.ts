import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises';
import type { ReceivedRequest } from './received-request.ts';
import type { Script, Step } from './script.ts';

/** Plays a script on one response; returns when it is over or the client is gone. */
export async function playScript(script: Script, request: ReceivedRequest, response: ServerResponse): Promise<void> {
  const gone = once(response, 'close');
  if (script.before) await Promise.race([script.before, gone]);
  if (response.destroyed) return;
  response.writeHead(script.status ?? 200, { 'content-type': defaultContentType(script), ...script.headers });
  response.flushHeaders();
  const write = writer(script.splitEveryBytes, request, response, gone);
  for (const step of script.steps) {
    if (response.destroyed) return;
    if (!(await play(step, write, response, gone))) return;
  }
  response.end();
  request.resolve.answered();
}

/** False when the step ended the connection. */
async function play(step: Step, write: (bytes: Buffer) => Promise<void>, response: ServerResponse, gone: Promise<unknown>): Promise<boolean> {
  if ('event' in step) await write(Buffer.from(`data: ${typeof step.event === 'string' ? step.event : JSON.stringify(step.event)}\n\n`));
  else if ('raw' in step) await write(Buffer.from(step.raw));
  else if ('wait' in step) await Promise.race([step.wait, gone]);
  else if ('gapMs' in step) await pause(step.gapMs);
  else if ('repeat' in step) {
    const bytes = Buffer.from(step.repeat);
    for (let count = 0; count < step.times && !response.destroyed; count++) await write(bytes);
  } else if ('stall' in step) {
    await gone;
    return false;
  } else {
    if ('reset' in step) response.socket?.resetAndDestroy();
    else response.socket?.end();
    await gone;
    return false;
  }
  return true;
}

function writer(splitEveryBytes: number | undefined, request: ReceivedRequest, response: ServerResponse, gone: Promise<unknown>) {
  const writeOnce = async (bytes: Buffer): Promise<void> => {
    if (response.destroyed) return;
    request.bytesWritten += bytes.length;
    if (response.write(bytes)) return;
    request.resolve.readerSlow();
    await Promise.race([once(response, 'drain'), gone]);
  };
  return async (bytes: Buffer): Promise<void> => {
    if (splitEveryBytes === undefined) return writeOnce(bytes);
    for (let start = 0; start < bytes.length && !response.destroyed; start += splitEveryBytes) {
      await writeOnce(bytes.subarray(start, start + splitEveryBytes));
      // A turn of the event loop lets the socket send this piece by itself.
      await turn();
    }
  };
}

function defaultContentType(script: Script): string {
  return script.steps.some((step) => 'event' in step || 'repeat' in step) ? 'text/event-stream; charset=utf-8' : 'application/json';
}
