import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Health } from '@sluice/lifecycle';
import type { OpenCalls } from '../domain/open-calls.ts';

export interface HealthDoor {
  readonly health: Health;
  readonly open: OpenCalls;
  /** The process's metrics in Prometheus' text format; absent where it collects none. */
  readonly metrics: (() => Promise<string>) | undefined;
}

/** /healthz (the process runs), /readyz (it should get traffic), /metrics. No key, no content. */
export function healthRoutes(server: FastifyInstance, { health, open, metrics }: HealthDoor): void {
  server.get('/healthz', async (request, reply) => sendJson(reply, request, 200, { status: 'ok' }));
  server.get('/readyz', async (request, reply) => {
    const report = health.report();
    const ready = report.status !== 'down' && !open.draining;
    return sendJson(reply, request, ready ? 200 : 503, open.draining ? { ...report, status: 'draining' } : report);
  });
  if (!metrics) return;
  server.get('/metrics', async (request, reply) => reply.headers({ 'content-type': 'text/plain; version=0.0.4; charset=utf-8', 'x-request-id': request.id }).send(await metrics()));
}

function sendJson(reply: FastifyReply, request: FastifyRequest, status: number, body: object): FastifyReply {
  return reply.code(status).headers({ 'content-type': 'application/json; charset=utf-8', 'x-request-id': request.id }).send(JSON.stringify(body));
}
