/** What the holder of a token may do: look; run and end jobs; everything. Each may what the former may. */
export const ACCESS_ROLES = ['viewer', 'operator', 'admin'] as const;

export type AccessRole = (typeof ACCESS_ROLES)[number];

/** `none`: everybody may. */
export type RequiredRole = AccessRole | 'none';

export function isAccessRole(text: string): text is AccessRole {
  return (ACCESS_ROLES as readonly string[]).includes(text);
}

export function suffices(role: AccessRole, required: RequiredRole): boolean {
  if (required === 'none') return true;
  return ACCESS_ROLES.indexOf(role) >= ACCESS_ROLES.indexOf(required);
}
