import type { JsonValue } from '@bufbuild/protobuf';

const CALL_ID = '019ab3c4d5e67890a1b2c3d4e5f60718';
const ORGANISATION = { organisationId: 'org_2s8k4h' };
const CALLER = { ...ORGANISATION, projectId: 'proj_9d1m7x', keyId: 'key_4f6t2c' };
const PRODUCER = { producer: 'gateway-1', epoch: '4711' };
const DIGEST = Buffer.alloc(32, 7).toString('base64');

/** One record of each topic, as the protobuf JSON of its message; what would be sealed is only shown as sealed. */
export const EXAMPLES: Readonly<Record<string, JsonValue>> = {
  'access.changed': { ...ORGANISATION, limits: { level: 'LEVEL_PROJECT', subjectId: 'proj_9d1m7x', limits: { requestsPerMinute: '600', concurrentRequests: '20' } } },
  'admin.acted': { id: '019ab3c4d5e67890a1b2c3d4e5f60719', ...ORGANISATION, actor: { keyId: 'key_0a1b2c', ...ORGANISATION }, action: 'price.set', object: 'model:model_7h3k9p', actedAtMs: '1795430400000', detailJson: '{"input_nano":"150","output_nano":"600"}' },
  'call.abandoned': { callId: CALL_ID, ...CALLER, model: 'tiny', ...PRODUCER, counts: { inputTokens: '12', outputTokens: '40' }, outputBytes: '163', outputChain: DIGEST, admittedAtMs: '1795430400000' },
  calls: {
    ...PRODUCER, seq: '42', builtAtMs: '1795430401000',
    records: [{ callId: CALL_ID, output: { outputBytes: '163', events: '40', outputChain: DIGEST, counts: { inputTokens: '12', outputTokens: '40' } } }],
  },
  'filter.changed': { ...ORGANISATION, policyVersion: '8' },
  'filter.hits': { callId: CALL_ID, ...ORGANISATION, projectId: 'proj_9d1m7x', policyVersion: '8', hits: [{ ruleId: 'rule_5j2w8n', kind: 'pii:email', action: 'ACTION_MASK', direction: 'DIRECTION_IN', channel: 'CHANNEL_CONTENT', start: '3', end: '17' }], hitCount: 1, atMs: '1795430401000' },
  'producer.beat': { ...PRODUCER, nextSeq: '43' },
  'right.claim': { right: 'billing.book', term: '12' },
  'topic.beat': { topic: 'access.changed', headPosition: '1811' },
  'registry.changed': { ...ORGANISATION, aliases: [{ organisationId: 'org_2s8k4h', name: 'default', modelId: 'model_7h3k9p' }] },
};
