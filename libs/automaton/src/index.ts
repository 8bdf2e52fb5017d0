export type { Detector, Match } from './detector.ts';
