import { createPrivateKey } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Authority,
  createAuthority,
  issueCertificate,
} from '../../../cli/security/certificate-authority.ts';
import type { TlsFiles } from '../../../shared/config/tls-files.ts';
import type { PeerRole } from '../../../shared/security/peer-role.ts';

const HOUR_MS = 3_600_000;

export interface TestCertificate {
  readonly roles?: readonly PeerRole[];
  readonly name?: string;
  readonly hosts?: readonly string[];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

/** What a process of Sluice takes to show them. */
export function tlsArguments({ certificate, key, authority }: TlsFiles): readonly string[] {
  return [
    ...['--tls-certificate', certificate, '--tls-key', key],
    ...['--tls-authority', authority],
  ];
}

/** An authority of the test's own, which writes sets of files for processes. */
export class TestAuthority {
  readonly folder: string;
  readonly certificate: string;
  readonly #authority: Authority;

  private constructor(folder: string, certificate: string, key: string) {
    this.folder = folder;
    this.certificate = certificate;
    this.#authority = { certificate, key: createPrivateKey(key) };
  }

  /** `lifeMs`: from now on; it began two days ago. */
  static async create(
    folder: string,
    name = 'test authority',
    lifeMs = 48 * HOUR_MS,
  ): Promise<TestAuthority> {
    const { certificate, key } = await createAuthority({
      name,
      notBefore: new Date(Date.now() - 48 * HOUR_MS),
      notAfter: new Date(Date.now() + lifeMs),
    });
    mkdirSync(folder, { recursive: true });
    return new TestAuthority(folder, certificate, key);
  }

  /** Files of a process, in a folder of their own. */
  async issue(name: string, certificate: TestCertificate = {}): Promise<TlsFiles> {
    const files = this.files(name);
    mkdirSync(join(this.folder, name), { recursive: true });
    await this.reissue(name, certificate);
    return files;
  }

  /** Files of somebody who trusts this authority and signed a certificate for himself. */
  async issueSelfSigned(name: string): Promise<TlsFiles> {
    const files = await this.issue(name);
    const own = await createAuthority({
      name,
      notBefore: new Date(Date.now() - HOUR_MS),
      notAfter: new Date(Date.now() + HOUR_MS),
    });
    writeFileSync(files.key, own.key, { mode: 0o600 });
    writeFileSync(files.certificate, own.certificate);
    return files;
  }

  files(name: string): TlsFiles {
    const inFolder = (file: string): string => join(this.folder, name, file);
    return {
      certificate: inFolder('tls.crt'),
      key: inFolder('tls.key'),
      authority: inFolder('ca.crt'),
    };
  }

  /** In place of the files that are there. */
  async reissue(name: string, certificate: TestCertificate = {}): Promise<void> {
    const files = this.files(name);
    const made = await issueCertificate(this.#authority, {
      roles: certificate.roles ?? ['task-manager'],
      name: certificate.name ?? name,
      hosts: certificate.hosts ?? ['127.0.0.1', 'localhost'],
      notBefore: certificate.notBefore ?? new Date(Date.now() - HOUR_MS),
      notAfter: certificate.notAfter ?? new Date(Date.now() + HOUR_MS),
    });
    writeFileSync(files.authority, this.certificate);
    writeFileSync(files.key, made.key, { mode: 0o600 });
    writeFileSync(files.certificate, made.certificate);
  }
}
