export type { Detector, Match } from './detector.ts';
export { maskPii } from './pii/mask-pii.ts';
export { piiDetector } from './pii/pii-detector.ts';
export { PII_TYPES, type PiiType } from './pii/pii-type.ts';
