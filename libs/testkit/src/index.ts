export { ScriptedUpstream } from './scripted-upstream.ts';
export type { ReceivedRequest } from './received-request.ts';
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
