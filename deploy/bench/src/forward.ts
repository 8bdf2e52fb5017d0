import type { IncomingMessage, ServerResponse } from 'node:http';
import { Pool } from 'undici';

const CONNECTIONS = 1024;
const NOT_FORWARDED = new Set(['connection', 'keep-alive', 'transfer-encoding', 'date']);

type Forward = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

/** Passes a request on and the answer back, chunk by chunk, with back-pressure. */
export function forward(upstreamPort: number): Forward {
  const pool = new Pool(`http://127.0.0.1:${upstreamPort}`, { connections: CONNECTIONS, pipelining: 1 });
  return (request, response, body) => {
    let abort: ((reason: Error) => void) | undefined;
    let resume = (): void => undefined;
    response.on('close', () => response.writableFinished || abort?.(new Error('client left')));
    response.on('drain', () => resume());
    pool.dispatch({ path: request.url!, method: 'POST', headers: { 'content-type': 'application/json' }, body }, {
      onRequestStart(controller) {
        abort = (reason) => controller.abort(reason);
        resume = () => controller.resume();
      },
      onResponseStart(_controller, status, headers) {
        response.writeHead(status, Object.fromEntries(Object.entries(headers).filter(([name]) => !NOT_FORWARDED.has(name))) as Record<string, string>);
      },
      onResponseData(controller, chunk) {
        if (!response.write(chunk)) controller.pause();
      },
      onResponseEnd: () => void response.end(),
      onResponseError: () => void (response.headersSent ? response.destroy() : response.writeHead(502).end()),
    });
  };
}
