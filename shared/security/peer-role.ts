import type { X509Certificate } from 'node:crypto';

/** What a certificate may be used for: its URI names `sluice://role/<role>`. */
export const PEER_ROLES = ['job-manager', 'task-manager', 'metrics'] as const;

export type PeerRole = (typeof PEER_ROLES)[number];

const ROLE_URI_PREFIX = 'sluice://role/';

export function roleUri(role: PeerRole): string {
  return `${ROLE_URI_PREFIX}${role}`;
}

/** Why this certificate is not one of that role; null where it is. */
export function roleProblem(
  certificate: X509Certificate | undefined,
  role: PeerRole,
): string | null {
  if (certificate === undefined) return 'it has no certificate';
  const roles = rolesOf(certificate.subjectAltName);
  if (roles.includes(role)) return null;
  const found = roles.length === 0 ? 'no role' : `the role ${roles.join(', ')}`;
  return `its certificate (${subjectOf(certificate)}) has ${found}, not ${role}`;
}

/**
 * The roles among a certificate's names, as Node prints them. Node quotes names in which a comma or the
 * like could pass for the beginning of another name; no role has such a name, and where one name is
 * quoted nothing of the whole is believed.
 */
export function rolesOf(subjectAltName: string | undefined): readonly PeerRole[] {
  if (subjectAltName === undefined || subjectAltName.includes('"')) return [];
  const names = subjectAltName.split(', ');
  return PEER_ROLES.filter((role) => names.includes(`URI:${roleUri(role)}`));
}

/** For messages and logs: `CN=jm-1`, bounded. */
export function subjectOf(certificate: X509Certificate): string {
  const text = (certificate.subject ?? '').replaceAll('\n', ', ');
  return text === '' ? 'without a subject' : text.slice(0, SUBJECT_CHARACTERS_MAX);
}

const SUBJECT_CHARACTERS_MAX = 200;
