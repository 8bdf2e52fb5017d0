export { createAccess } from './access.module.ts';
export { accessConfig, type AccessConfig } from './config.ts';
export { newSecret } from './domain/secret.ts';
