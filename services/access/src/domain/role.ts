/** What an admin key stands for: an owner does everything, a member runs inference keys and models, an auditor only reads. */
export type Role = 'owner' | 'member' | 'auditor';

/** What access can be asked to change, and `model.change`, of which the registry asks whether somebody may. */
export type Action = 'project.create' | 'admin_key.create' | 'admin_key.revoke' | 'inference_key.create' | 'inference_key.revoke' | 'model.change';

const ALLOWED: Readonly<Record<Role, readonly Action[]>> = {
  owner: ['project.create', 'admin_key.create', 'admin_key.revoke', 'inference_key.create', 'inference_key.revoke', 'model.change'],
  member: ['inference_key.create', 'inference_key.revoke', 'model.change'],
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
