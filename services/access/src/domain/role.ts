/** What an admin key stands for: an owner does everything, a member runs inference keys and models, an auditor only reads. */
export type Role = 'owner' | 'member' | 'auditor';

/** What access can be asked to change, and what others ask of it whether somebody may change it there. */
export type Action =
  | 'project.create' | 'admin_key.create' | 'admin_key.revoke' | 'limits.set' | 'parameter_rule.change'
  | 'inference_key.create' | 'inference_key.revoke' | 'key_limits.set'
  // Of other services: the registry, the filter, billing.
  | 'model.change' | 'filter.change' | 'billing.change';

/** What a member may do too. */
const OPERATION: readonly Action[] = ['inference_key.create', 'inference_key.revoke', 'key_limits.set', 'model.change'];

const ALLOWED: Readonly<Record<Role, readonly Action[]>> = {
  owner: ['project.create', 'admin_key.create', 'admin_key.revoke', 'limits.set', 'parameter_rule.change', 'billing.change', 'filter.change', ...OPERATION],
  member: OPERATION,
  auditor: [],
};

/** An owner may do everything there is. */
export function isAction(text: string): text is Action {
  return (ALLOWED.owner as readonly string[]).includes(text);
}

/** Default deny: what a role does not list, it may not do. */
export function mayAct(role: Role, action: Action): boolean {
  return ALLOWED[role].includes(action);
}
