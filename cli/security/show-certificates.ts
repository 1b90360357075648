import type { X509Certificate } from 'node:crypto';
import { type PeerRole, rolesOf } from '../../shared/security/peer-role.ts';
import { readBounded } from '../../shared/security/read-bounded.ts';
import { certificatesOf } from '../../shared/security/tls-material.ts';

const DAY_MS = 24 * 3_600_000;
const FILE_BYTES_MAX = 256 * 1024;

export interface ShownCertificate {
  readonly file: string;
  readonly subject: string;
  readonly issuer: string;
  readonly isAuthority: boolean;
  readonly roles: readonly PeerRole[];
  /** Names as they stand there, `DNS:…` and `IP Address:…`. */
  readonly names: readonly string[];
  readonly validFrom: string;
  readonly validTo: string;
  /** Negative: expired so many days ago. */
  readonly daysLeft: number;
  readonly sha256: string;
}

export async function describeFiles(
  files: readonly string[],
  nowMs: number,
): Promise<readonly ShownCertificate[]> {
  const found: ShownCertificate[] = [];
  for (const file of files) {
    const what = { name: 'certificate', option: 'its path', bytesMax: FILE_BYTES_MAX };
    const pem = (await readBounded(file, what)).toString('latin1');
    found.push(...certificatesOf(pem, file).map((each) => describe(each, file, nowMs)));
  }
  return found;
}

function describe(certificate: X509Certificate, file: string, nowMs: number): ShownCertificate {
  const { subject, issuer, ca, subjectAltName, validFrom, validTo, fingerprint256 } = certificate;
  const names = subjectAltName?.split(', ').filter((name) => !name.startsWith('URI:')) ?? [];
  return {
    file,
    subject: oneLine(subject),
    issuer: oneLine(issuer),
    isAuthority: ca,
    roles: rolesOf(subjectAltName),
    names,
    validFrom: new Date(Date.parse(validFrom)).toISOString(),
    validTo: new Date(Date.parse(validTo)).toISOString(),
    daysLeft: Math.floor((Date.parse(validTo) - nowMs) / DAY_MS),
    sha256: fingerprint256,
  };
}

export function certificatesText(certificates: readonly ShownCertificate[]): string {
  return certificates.map(textOf).join('\n\n');
}

function textOf(certificate: ShownCertificate): string {
  const { file, subject, issuer, isAuthority, roles, names, validFrom, validTo } = certificate;
  const { daysLeft, sha256 } = certificate;
  const left = daysLeft < 0 ? 'EXPIRED' : `${daysLeft} days left`;
  const role = isAuthority ? 'authority' : roles.join(', ') || 'none';
  return [
    file,
    `  subject   ${subject}`,
    `  issuer    ${issuer}`,
    `  role      ${role}`,
    `  hosts     ${names.join(', ') || 'none'}`,
    `  valid     ${validFrom} to ${validTo}, ${left}`,
    `  SHA-256   ${sha256}`,
  ].join('\n');
}

function oneLine(name: string): string {
  return name.replaceAll('\n', ', ');
}
