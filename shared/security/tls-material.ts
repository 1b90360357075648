import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import type { TlsFiles } from '../config/tls-files.ts';
import { SluiceError } from '../errors/sluice-error.ts';
import { subjectOf } from './peer-role.ts';
import { readBounded } from './read-bounded.ts';

/** A process's certificate, its key and whom it trusts; checked, they belong together. */
export interface TlsMaterial {
  /** PEM, the certificate first, then those between it and the authority. */
  readonly certificate: string;
  readonly key: string;
  readonly authority: string;
  readonly leaf: X509Certificate;
  /** When the first certificate of the chain expires. */
  readonly expiresAtMs: number;
}

const FILE_BYTES_MAX = 256 * 1024;
/** Certificates in one file, and steps from a certificate to its authority. */
const CERTIFICATES_MAX = 64;
const CHAIN_MAX = 8;

/**
 * Reads and checks the three files. Throws FILE_NOT_FOUND, ARGUMENT_INVALID, or CERTIFICATE_INVALID,
 * which says what does not fit.
 */
export async function readTlsMaterial(files: TlsFiles, nowMs: number): Promise<TlsMaterial> {
  const [certificatePem, keyPem, authorityPem] = await Promise.all([
    readPem(files.certificate, 'certificate', '--tls-certificate'),
    readPem(files.key, 'key', '--tls-key'),
    readPem(files.authority, 'authority', '--tls-authority'),
  ]);
  const chain = certificatesOf(certificatePem, files.certificate);
  const authorities = certificatesOf(authorityPem, files.authority);
  const [leaf] = chain;
  if (leaf === undefined) throw invalid(files.certificate, 'it has no certificate');
  if (!leaf.checkPrivateKey(privateKey(keyPem, files.key))) {
    throw invalid(files.key, `the key does not belong to the certificate in ${files.certificate}`);
  }
  const path = pathToAuthority(chain, authorities);
  if (path === null) {
    const message = `the certificate (${subjectOf(leaf)}) is not signed by the authority in ${files.authority}`;
    throw invalid(files.certificate, message);
  }
  for (const certificate of path) requireValidNow(certificate, files.certificate, nowMs);
  return {
    certificate: certificatePem,
    key: keyPem,
    authority: authorityPem,
    leaf,
    expiresAtMs: Math.min(...path.map(({ validTo }) => Date.parse(validTo))),
  };
}

/** The authority alone, for clients. */
export async function readAuthority(path: string, option: string): Promise<string> {
  const pem = await readPem(path, 'authority', option);
  certificatesOf(pem, path);
  return pem;
}

async function readPem(path: string, name: string, option: string): Promise<string> {
  return (await readBounded(path, { name, option, bytesMax: FILE_BYTES_MAX })).toString('latin1');
}

export function certificatesOf(pem: string, file: string): readonly X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/gu) ?? [];
  if (blocks.length === 0) throw invalid(file, 'it has no certificate in PEM form');
  if (blocks.length > CERTIFICATES_MAX) {
    throw invalid(file, `it has more than ${CERTIFICATES_MAX} certificates`);
  }
  try {
    return blocks.map((block) => new X509Certificate(block));
  } catch (cause) {
    throw invalid(file, 'what it has is no certificate', cause);
  }
}

function privateKey(pem: string, file: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (cause) {
    const isEncrypted = pem.includes('ENCRYPTED');
    const reason = isEncrypted
      ? 'the key is protected by a password, which nobody could enter when the process restarts'
      : 'it has no private key in PEM form';
    throw invalid(file, reason, cause);
  }
}

/** The certificates from the first to one of the authorities; null where there is no way. */
function pathToAuthority(
  chain: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
): readonly X509Certificate[] | null {
  const path: X509Certificate[] = [];
  let current = chain[0];
  while (current !== undefined && path.length < CHAIN_MAX) {
    path.push(current);
    const subject: X509Certificate = current;
    const authority = authorities.find((candidate) => hasSigned(candidate, subject));
    if (authority !== undefined) return [...path, authority];
    current = chain.find((candidate) => !path.includes(candidate) && hasSigned(candidate, subject));
  }
  return null;
}

function hasSigned(issuer: X509Certificate, subject: X509Certificate): boolean {
  return issuer.ca && subject.checkIssued(issuer) && subject.verify(issuer.publicKey);
}

function requireValidNow(certificate: X509Certificate, file: string, nowMs: number): void {
  const { validFrom, validTo } = certificate;
  const name = subjectOf(certificate);
  if (nowMs >= Date.parse(validTo)) {
    throw invalid(file, `the certificate (${name}) expired at ${isoOf(validTo)}`);
  }
  if (nowMs < Date.parse(validFrom)) {
    throw invalid(file, `the certificate (${name}) is valid from ${isoOf(validFrom)} on`);
  }
}

function isoOf(date: string): string {
  return new Date(Date.parse(date)).toISOString();
}

function invalid(file: string, reason: string, cause?: unknown): SluiceError {
  return new SluiceError('CERTIFICATE_INVALID', `${file}: ${reason}`, {
    domain: 'user',
    context: { file },
    hint: '`sluice certs issue` makes a set that fits; `sluice certs show FILE` shows what is there',
    ...(cause === undefined ? {} : { cause }),
  });
}
