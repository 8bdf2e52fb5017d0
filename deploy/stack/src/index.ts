export { stackDown, stackReset, type StackPlace } from './commands/down.ts';
export { stackLogs, type EngineLog } from './commands/logs.ts';
export { stackStatus, type EngineStatus } from './commands/status.ts';
export { lackedBy, stackUp, type LeftOut, type UpOptions } from './commands/up.ts';
export { readStackFile, type RunningEngine, type StackFile } from './folder/stack-file.ts';
export { stackFolder, type StackFolder } from './folder/stack-folder.ts';
export { StackError } from './stack-error.ts';
