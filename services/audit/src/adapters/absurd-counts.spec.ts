import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { MAX_CALL_NANO } from '@sluice/pricing';
import { segmentEntries, startAuditTables, type AuditTables } from '../testing/audit-tables.ts';
import { callIdOf, CallScript, ScriptedProducer } from '../testing/call-script.ts';

let tables: AuditTables;
beforeAll(async () => {
  tables = await startAuditTables();
  await tables.sign();
});
afterAll(() => tables.stop());

describe('counts that no honest backend tells', () => {
  it.each([[2n ** 53n - 1n, 2_000n, 10n ** 9n * 2_000n], [2n ** 53n - 1n, 2n ** 63n - 1n, MAX_CALL_NANO], [5n, -(2n ** 63n), 0n]])(
    'do not stop the log: %p tokens at %p', async (outputTokens, outputNano, costNano) => {
      const call = new CallScript(callIdOf(900_001 + Number(costNano % 97n)));
      const producer = new ScriptedProducer(`gateway-${costNano}`, 1n);
      await tables.consume(segmentEntries(producer.segments([call.admitted({ outputNano }), call.output('a', outputTokens)])));
      await tables.consume([{ kind: 'closed', producer: producer.producer, epoch: 1n, seq: 1n }]);
      const { call: found } = await tables.audit.getCall({ organisationId: 'org_1', callId: call.callId });
      expect(found).toMatchObject({ status: 'abandoned', costNano });
    });
});
