/** What an admin key stands for: an owner does everything, a member runs inference keys and models, an auditor only reads. */
export type Role = 'owner' | 'member' | 'auditor';

/** What access can be asked to change. */
export type Action = 'project.create' | 'admin_key.create' | 'admin_key.revoke' | 'inference_key.create' | 'inference_key.revoke';

const ALLOWED: Readonly<Record<Role, readonly Action[]>> = {
  owner: ['project.create', 'admin_key.create', 'admin_key.revoke', 'inference_key.create', 'inference_key.revoke'],
  member: ['inference_key.create', 'inference_key.revoke'],
  auditor: [],
};

/** Default deny: what a role does not list, it may not do. */
export function mayAct(role: Role, action: Action): boolean {
  return ALLOWED[role].includes(action);
}
