export { breaksAt } from './breaking-log.ts';
export { recordingLogger } from './recording-logger.ts';
export { ScriptedUpstream } from './scripted-upstream.ts';
export type { ReceivedRequest } from './received-request.ts';
export { givenAway } from './secrecy.ts';
export {
  chunk,
  errorEnvelope,
  htmlPage,
  json,
  streamedChat,
  usageChunk,
  usageOf,
  wholeChat,
  type ChatScript,
  type Script,
  type Step,
} from './script.ts';
