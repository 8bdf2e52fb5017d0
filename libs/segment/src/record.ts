import type { MessageInitShape } from '@bufbuild/protobuf';
import type { BodySchema, CallRecordSchema } from '@sluice/proto/events/v1/calls';
import type { ServiceError } from '@sluice/errors';
import type { KeyObject } from 'node:crypto';

type RecordInit = MessageInitShape<typeof CallRecordSchema>;
type BodyInit = MessageInitShape<typeof BodySchema>;

/** An OutputBody that was encoded already, because its bytes go into the output chain too: see `chainOutput`. */
export interface EncodedOutput {
  readonly case: 'encodedOutput';
  readonly bytes: Uint8Array;
}

/** One record of one call on its way into a segment: the clear part, and the part that is sealed. */
export interface PendingRecord {
  readonly callId: string;
  readonly record: NonNullable<RecordInit['record']>;
  /** Absent when the project keeps digests only. */
  readonly body?: NonNullable<BodyInit['body']> | EncodedOutput;
}

/**
 * Something that has records to write: an open call. The writer asks for them when it builds a segment, so that all
 * that a call produced while the last segment was in flight becomes one record.
 */
export interface RecordSource {
  readonly projectId: string;
  /** The records since the last call, in order; may be empty. */
  take(): readonly PendingRecord[];
  /** Everything taken so far is durable, and the lease held at that moment: it may be released. */
  acknowledged(): void;
  /** What was taken and not acknowledged is lost: nothing of it may be released, and the call must end. Called once, and nothing after it. */
  lost(error: ServiceError): void;
}

/** The key that seals a project's bodies now. */
export interface SealingKey {
  readonly id: string;
  readonly key: KeyObject;
}

/** Finds sealing keys; the access replica. Throws `access_unavailable` for a project it does not know. */
export type SealingKeys = (projectId: string) => SealingKey;
