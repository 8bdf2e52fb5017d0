/** The adapter of KServe v2 and what its contract asks, for the tests that try it on a real server. */
export { createKserveBackend, type KserveBackendOptions } from '../adapters/kserve/kserve-backend.ts';
export { remoteServer } from '../adapters/kserve/kserve-server.ts';
export { backendCall, collect, describeBackend, kinds, textOf, type BackendSubject } from '../domain/backend.contract.ts';
export type { Backend } from '../domain/backend.ts';
export type { Signature } from '../domain/deployment.ts';
export { Member } from '../domain/member.ts';
export { deployment } from './scripted-backend.ts';
export { WholeAnswers } from '../domain/whole-answers.ts';
