import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { create } from '@bufbuild/protobuf';
import { ROOT_CONTEXT, SpanKind, SpanStatusCode, context, trace } from '@opentelemetry/api';
import { InMemorySpanExporter } from '@opentelemetry/sdk-trace';
import { systemClock } from '@sluice/clock';
import { AdminActedSchema } from '@sluice/proto/events/v1/calls';
import { createSql, type SqlPool } from '@sluice/sql';
import { startTestDatabase, type TestDatabase } from '@sluice/sql/testing';
import { silentLogger, startTelemetry, type Telemetry } from '@sluice/telemetry';
import { createPostgresEventLog, type PostgresEventLog } from './postgres-event-log.ts';

/** Keeps its spans when it is shut down, which is when the last of them come. */
class KeptSpans extends InMemorySpanExporter {
  override shutdown(): Promise<void> {
    return Promise.resolve();
  }
}

describe('the trace of an event', () => {
  let database: TestDatabase;
  let sql: SqlPool;
  let log: PostgresEventLog;
  let telemetry: Telemetry;
  let spans: KeptSpans;
  let consumers = 0;
  beforeAll(async () => {
    database = await startTestDatabase();
    sql = createSql({ url: database.url, schema: 'shop' });
    await sql.query('CREATE SCHEMA shop');
    log = await createPostgresEventLog({ url: database.url, clock: systemClock, logger: silentLogger });
  }, 120_000);
  beforeEach(() => {
    spans = new KeptSpans();
    telemetry = startTelemetry({ serviceVersion: '0', spanExporter: spans });
  });
  afterEach(() => telemetry.shutdown());
  afterAll(async () => {
    await log.stop();
    await sql.end();
    await database.stop();
  });

  const publish = (id: string): Promise<void> => sql.transaction((transaction) => log.publish(transaction, AdminActedSchema, 'org', create(AdminActedSchema, { id })));
  /** The trace in which a new consumer handled each of these acts. */
  const handled = async (ids: readonly string[], faulty?: string): Promise<(string | undefined)[]> => {
    const traces = new Map<string, string | undefined>();
    let faults = 0;
    const subscription = log.subscribe(AdminActedSchema, `shop.c${++consumers}`, async (transaction, { message }) => {
      await transaction.query('SELECT 1');
      if (message.id === faulty && faults++ < 2) throw new TypeError('planted words');
      traces.set(message.id, trace.getActiveSpan()?.spanContext().traceId);
    });
    await subscription.caughtUp();
    await subscription.stop();
    return ids.map((id) => traces.get(id));
  };
  const inTrace = async (work: () => Promise<void>): Promise<string> => {
    const span = trace.getTracer('test').startSpan('act');
    await context.with(trace.setSpan(ROOT_CONTEXT, span), work);
    span.end();
    return span.spanContext().traceId;
  };

  it('goes on in each of its handlers, record by record', async () => {
    const one = await inTrace(() => publish('one'));
    const two = await inTrace(() => publish('two'));
    await publish('three');
    expect(await handled(['one', 'two', 'three'])).toEqual([one, two, undefined]);
    await telemetry.shutdown();
    const [act, ...rest] = spans.getFinishedSpans().filter((span) => span.spanContext().traceId === one);
    expect(rest).toHaveLength(1);
    expect(rest[0]).toMatchObject({
      name: 'process admin.acted', kind: SpanKind.CONSUMER, parentSpanContext: { spanId: act!.spanContext().spanId },
      attributes: { 'messaging.destination.name': 'admin.acted', 'messaging.consumer.group.name': `shop.c${consumers}` },
    });
  });

  it('shows a handler that failed by its code, without its words', async () => {
    const faulty = await inTrace(() => publish('faulty'));
    expect(await handled(['faulty'], 'faulty')).toEqual([faulty]);
    await telemetry.shutdown();
    const failed = spans.getFinishedSpans().filter((span) => span.status.code === SpanStatusCode.ERROR);
    expect(failed.map((span) => [span.spanContext().traceId, span.attributes['error.type']])).toContainEqual([faulty, 'internal']);
    expect(JSON.stringify(failed.map(({ attributes, status, events }) => [attributes, status, events]))).not.toContain('planted');
  });

  it('is absent from a record that was published in none, which is handled all the same', async () => {
    await telemetry.shutdown();
    await publish('untraced');
    expect(await sql.query('SELECT traceparent FROM events.record ORDER BY position DESC LIMIT 1')).toEqual([{ traceparent: null }]);
    expect(await handled(['untraced'])).toEqual([undefined]);
  });
});
