export { AccessPermissions, type ForeignAction } from './access-permissions.ts';
