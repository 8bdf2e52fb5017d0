export type { Detector, Match } from './detector.ts';
export { maskPii } from './pii/mask-pii.ts';
export { piiDetector } from './pii/pii-detector.ts';
export { PII_TYPES, type PiiType } from './pii/pii-type.ts';
export { compileKeywords, loadKeywords, serialiseKeywords, wordFault, type CompiledKeywords, type KeywordList, type SerialisedKeywords } from './keywords/compile-keywords.ts';
export { keywordDetector } from './keywords/keyword-detector.ts';
export { filterWhole } from './stream/filter-whole.ts';
export { ReleasingStream } from './stream/releasing-stream.ts';
export type { CountedMatch, Released, ReleasePolicy, RuleAction } from './stream/release-policy.ts';
