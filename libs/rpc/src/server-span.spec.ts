import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ROOT_CONTEXT, SpanStatusCode, context, trace, type Span } from '@opentelemetry/api';
import { InMemorySpanExporter, type ReadableSpan } from '@opentelemetry/sdk-trace';
import { ServiceError } from '@sluice/errors';
import { InferenceService } from '@sluice/proto/inference/v1/inference';
import { startTelemetry, type Telemetry } from '@sluice/telemetry';
import { systemClock } from '@sluice/clock';
import { GrpcClient, GrpcServer } from './grpc.ts';
import { InProcessTransport } from './in-process.ts';
import type { Client, Implementation, Transport } from './service.ts';

/** Keeps its spans when it is shut down, which is when the last of them come. */
class KeptSpans extends InMemorySpanExporter {
  override shutdown(): Promise<void> {
    return Promise.resolve();
  }
}

const METHOD = 'inference.v1.InferenceService';

interface Pair {
  server: Pick<Transport, 'serve'>;
  client: Pick<Transport, 'connect'>;
  stop(): Promise<void>;
}

const TRANSPORTS: Record<string, () => Promise<Pair>> = {
  'in process': async () => {
    const transport = new InProcessTransport();
    return { server: transport, client: transport, stop: async () => undefined };
  },
  'over gRPC': async () => {
    const server = new GrpcServer({ clock: systemClock });
    const client = new GrpcClient({ addresses: [`127.0.0.1:${await server.listen('127.0.0.1:0')}`], clock: systemClock });
    return { server, client, stop: async () => (client.close(), await server.stop(60_000)) };
  },
};

describe.each(Object.keys(TRANSPORTS))('the span of an rpc %s', (kind) => {
  let telemetry: Telemetry;
  let spans: KeptSpans;
  let client: Client<typeof InferenceService>;
  /** The span that was active at each turn of a handler. */
  let seen: (string | undefined)[];
  let fault: unknown;
  const look = (): void => void seen.push(trace.getActiveSpan()?.spanContext().spanId);
  let pair: Pair;
  beforeEach(async () => {
    [seen, fault, spans] = [[], undefined, new KeptSpans()];
    telemetry = startTelemetry({ serviceVersion: '0', spanExporter: spans });
    pair = await TRANSPORTS[kind]!();
    pair.server.serve(InferenceService, {
      listBackends: async () => {
        look();
        await Promise.resolve();
        look();
        if (fault !== undefined) throw fault;
        return {};
      },
      async *streamChat() {
        for (let turn = 0; turn < 2; turn++) {
          look();
          yield {};
        }
        if (fault !== undefined) throw fault;
      },
    } as unknown as Implementation<typeof InferenceService>);
    client = pair.client.connect(InferenceService);
  });
  afterEach(async () => (await pair.stop(), await telemetry.shutdown()));

  const finished = async (): Promise<ReadableSpan[]> => {
    // Once every call has ended at both ends.
    await pair.stop();
    await telemetry.shutdown();
    return spans.getFinishedSpans();
  };
  const inTrace = async (work: (span: Span) => Promise<unknown>): Promise<Span> => {
    const span = trace.getTracer('test').startSpan('caller');
    await context.with(trace.setSpan(ROOT_CONTEXT, span), () => work(span));
    span.end();
    return span;
  };

  it('is a child of the caller, named by the rpc, and active in the handler', async () => {
    const caller = await inTrace(() => client.listBackends({}));
    const [rpc] = await finished();
    expect(rpc).toMatchObject({ name: `${METHOD}/ListBackends`, parentSpanContext: { spanId: caller.spanContext().spanId }, status: { code: SpanStatusCode.UNSET } });
    expect(rpc!.spanContext().traceId).toBe(caller.spanContext().traceId);
    expect(seen).toEqual([rpc!.spanContext().spanId, rpc!.spanContext().spanId]);
  });

  it('is active in every turn of a stream, whoever pulls, and ends with it', async () => {
    let stream: AsyncIterator<unknown> | undefined;
    await inTrace(async () => {
      stream = client.streamChat({})[Symbol.asyncIterator]();
      await stream.next();
    });
    // The rest is read outside of the caller's trace.
    while (!(await stream!.next()).done);
    const rpc = (await finished()).filter(({ name }) => name === `${METHOD}/StreamChat`);
    expect(rpc).toHaveLength(1);
    expect(seen).toEqual([rpc[0]!.spanContext().spanId, rpc[0]!.spanContext().spanId]);
  });

  it('ends when the reader leaves, and is no error then', async () => {
    await inTrace(async () => {
      for await (const _ of client.streamChat({})) break;
    });
    expect((await finished()).map(({ name, status }) => [name, status.code])).toEqual([[`${METHOD}/StreamChat`, SpanStatusCode.UNSET], ['caller', SpanStatusCode.UNSET]]);
  });

  it.each([
    [new ServiceError('overloaded', 'planted words'), 'overloaded'],
    [new TypeError('planted words'), 'internal'],
  ])('names the code of a failure and nothing of what was said', async (thrown, code) => {
    fault = thrown;
    await inTrace(async () => {
      await expect(client.listBackends({})).rejects.toMatchObject({ code });
      await expect((async () => { for await (const _ of client.streamChat({})); })()).rejects.toMatchObject({ code });
    });
    const failed = (await finished()).filter(({ status }) => status.code === SpanStatusCode.ERROR);
    expect(failed.map(({ attributes }) => attributes['error.type'])).toEqual([code, code]);
    expect(JSON.stringify(failed.map(({ attributes, status, events }) => [attributes, status, events]))).not.toContain('planted');
  });

  it('is not made for what belongs to no trace', async () => {
    await client.listBackends({});
    for await (const _ of client.streamChat({}));
    expect(await finished()).toEqual([]);
  });
});
