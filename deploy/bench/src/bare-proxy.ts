/** The least a proxy can do: node:http in, undici out, nothing looked at. `bare-proxy.ts PORT UPSTREAM_PORT`. */
import { createServer } from 'node:http';
import { forward } from './forward.ts';

const [port, upstreamPort] = process.argv.slice(2).map(Number);
const send = forward(upstreamPort!);
const server = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part)).on('end', () => send(request, response, Buffer.concat(parts)));
});
server.keepAliveTimeout = 120_000;
server.listen(port, '127.0.0.1');
