import { expect, it } from '@jest/globals';
import { CallAdmittedSchema, SegmentSchema } from '@sluice/proto/events/v1/calls';
import { AccessChangedSchema } from '@sluice/proto/events/v1/changes';
import { parseNotice } from './postgres/notice.ts';
import { topicOf } from './topic.ts';

it('reads the topic declared beside a message', () => {
  expect(topicOf(SegmentSchema)).toEqual({ name: 'calls', retentionDays: 7, partitions: 12 });
  expect(topicOf(AccessChangedSchema)).toEqual({ name: 'access.changed', retentionDays: 1, partitions: 1 });
  expect(() => topicOf(CallAdmittedSchema)).toThrow('events.v1.CallAdmitted declares no topic');
});

it.each([
  ['segment', { kind: 'segment' }],
  ['published access.changed', { kind: 'published', topic: 'access.changed' }],
  ['beat access.changed 9007199254740993', { kind: 'beat', topic: 'access.changed', head: 9_007_199_254_740_993n }],
  ['', undefined], ['beat', undefined], ['beat a -1', undefined], ['beat a x', undefined], ['published', undefined], ['later kind of notice', undefined],
])('understands the notice %j', (payload, notice) => {
  expect(parseNotice(payload)).toEqual(notice);
});
