export { createAudit } from './audit.module.ts';
export { auditConfig, type AuditConfig } from './config.ts';
