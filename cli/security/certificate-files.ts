import { createPrivateKey, X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import { isAddress } from '../../shared/security/is-address.ts';
import type { PeerRole } from '../../shared/security/peer-role.ts';
import { readBounded } from '../../shared/security/read-bounded.ts';
import { certificatesOf } from '../../shared/security/tls-material.ts';
import { type Authority, createAuthority, issueCertificate } from './certificate-authority.ts';
import { writeNewFiles } from './new-files.ts';

const DAY_MS = 24 * 3_600_000;
/** Clocks of other machines may be behind. */
const BACKDATED_MS = 5 * 60_000;
const FILE_BYTES_MAX = 256 * 1024;
const NAME_CHARACTERS_MAX = 64;

/** Gives what to print. */
export async function initAuthority(options: {
  readonly directory: string;
  readonly name: string;
  readonly days: number;
  readonly nowMs: number;
}): Promise<string> {
  const { directory, name, days, nowMs } = options;
  requireName(name);
  const notAfter = new Date(nowMs + days * DAY_MS);
  const notBefore = new Date(nowMs - BACKDATED_MS);
  const { certificate, key } = await createAuthority({ name, notBefore, notAfter });
  const [certificatePath, keyPath] = [join(directory, 'ca.crt'), join(directory, 'ca.key')];
  await writeNewFiles([
    { path: keyPath, content: key, isSecret: true },
    { path: certificatePath, content: certificate, isSecret: false },
  ]);
  return (
    `${certificatePath}: the authority's certificate, for every process and client\n` +
    `${keyPath}: its key; whoever has it can join the cluster. Keep it off the cluster's machines`
  );
}

/** Gives what to print. */
export async function issueFiles(options: {
  readonly roles: readonly PeerRole[];
  readonly name: string;
  readonly hosts: readonly string[];
  readonly days: number;
  /** The authority's folder. */
  readonly ca: string;
  readonly directory: string;
  readonly nowMs: number;
}): Promise<string> {
  const { roles, name, days, ca, directory, nowMs } = options;
  requireName(name);
  const hosts = options.hosts.map(hostOf);
  if (roles.includes('job-manager') && hosts.length === 0) {
    throw new SluiceError('ARGUMENT_INVALID', "a job manager's certificate needs its host names", {
      domain: 'user',
      hint: 'task managers and clients check them: add --host for each name and address they use',
    });
  }
  const authority = await readAuthorityFiles(ca);
  const notAfter = new Date(nowMs + days * DAY_MS);
  requireOutlives(authority, ca, { notAfter, nowMs });
  const notBefore = new Date(nowMs - BACKDATED_MS);
  const made = await issueCertificate(authority, { roles, name, hosts, notBefore, notAfter });
  await writeNewFiles([
    { path: join(directory, 'tls.key'), content: made.key, isSecret: true },
    { path: join(directory, 'tls.crt'), content: made.certificate, isSecret: false },
    { path: join(directory, 'ca.crt'), content: authority.certificate, isSecret: false },
  ]);
  const where = hosts.length === 0 ? '' : ` at ${hosts.join(', ')}`;
  return `${directory}: tls.crt, tls.key, ca.crt for ${roles.join(', ')} ${name}${where}, valid until ${notAfter.toISOString()}`;
}

async function readAuthorityFiles(folder: string): Promise<Authority> {
  const [certificateFile, keyFile] = [join(folder, 'ca.crt'), join(folder, 'ca.key')];
  const limits = { option: '--ca', bytesMax: FILE_BYTES_MAX };
  const certificate = await readBounded(certificateFile, { name: 'authority', ...limits });
  const keyPem = await readBounded(keyFile, { name: "authority's key", ...limits });
  const [found] = certificatesOf(certificate.toString('latin1'), certificateFile);
  try {
    const key = createPrivateKey(keyPem);
    if (found?.checkPrivateKey(key) === true && key.asymmetricKeyDetails?.namedCurve === CURVE) {
      return { certificate: certificate.toString('latin1'), key };
    }
  } catch {
    // Told below.
  }
  throw new SluiceError(
    'CERTIFICATE_INVALID',
    `${keyFile} is not the key (ECDSA P-256) of ${certificateFile}`,
    { domain: 'user', context: { file: keyFile }, hint: '`sluice certs init` makes both' },
  );
}

/** P-256, as OpenSSL calls it. */
const CURVE = 'prime256v1';

function requireOutlives(
  authority: Authority,
  folder: string,
  { notAfter, nowMs }: { readonly notAfter: Date; readonly nowMs: number },
): void {
  const endMs = Date.parse(new X509Certificate(authority.certificate).validTo);
  if (notAfter.getTime() <= endMs) return;
  const daysLeft = Math.floor((endMs - nowMs) / DAY_MS);
  const end = new Date(endMs).toISOString();
  throw new SluiceError(
    'ARGUMENT_INVALID',
    `the authority in ${folder} expires at ${end}, before the certificate would`,
    {
      domain: 'user',
      context: { daysLeft },
      hint: daysLeft > 0 ? `--days ${daysLeft} at most` : 'make a new one with `sluice certs init`',
    },
  );
}

/** As it will stand in the certificate. */
function hostOf(text: string): string {
  const host = text.replace(/^\[(.*)\]$/u, '$1').toLowerCase();
  const label = '[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?';
  const isName = new RegExp(`^(\\*\\.)?${label}(\\.${label})*$`, 'u').test(host);
  if (isAddress(host) || (isName && host.length <= 253)) return host;
  throw new SluiceError('ARGUMENT_INVALID', `"${text}" is no host name or address`, {
    domain: 'user',
    hint: 'write it without scheme and port: 10.0.0.5, or jm-1.example.org',
  });
}

function requireName(name: string): void {
  if (name.trim() !== '' && name.length <= NAME_CHARACTERS_MAX) return;
  throw new SluiceError(
    'ARGUMENT_INVALID',
    `the name of a certificate has 1 to ${NAME_CHARACTERS_MAX} characters`,
    { domain: 'user', hint: 'for example --name jm-1' },
  );
}
