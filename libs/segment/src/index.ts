export type { EncodedOutput, PendingRecord, RecordSource, SealingKey, SealingKeys } from './record.ts';
export { SegmentWriter, type SegmentWriterDependencies } from './writer.ts';
export { SegmentBuilder, type SegmentIdentity } from './segment.ts';
export { piecesOf, type Piece } from './pieces.ts';
export { decodeSegment, openSegment, type KeyFinder, type OpenedRecord } from './open-segment.ts';
export { CallAssembler, readCall } from './call-assembler.ts';
export { commit, commitmentHash, verifyOpening, type NamedCommitment, type NamedOpening } from './commitment.ts';
export { chainOutput, nextChain } from './output-chain.ts';
export { LEASE_MS, SEGMENT_LIMIT_BYTES } from './limits.ts';
