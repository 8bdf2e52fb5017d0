/** The same behind Fastify, with JSON parsing and one key look-up: the baseline that Sluice is measured against. */
import Fastify from 'fastify';
import { forward } from './forward.ts';

const [port, upstreamPort] = process.argv.slice(2).map(Number);
const send = forward(upstreamPort!);
const keys = new Map([['bench', new Set(['mock-model'])]]);
const app = Fastify({ logger: false, keepAliveTimeout: 120_000 });
app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
app.post('/v1/chat/completions', (request, reply) => {
  const models = keys.get(request.headers.authorization?.slice('Bearer '.length) ?? '');
  const body = request.body as Buffer;
  const { model } = JSON.parse(body.toString()) as { model: string };
  if (!models?.has(model)) return reply.code(401).send();
  reply.hijack();
  send(request.raw, reply.raw, body);
});
await app.listen({ port: port!, host: '127.0.0.1' });
