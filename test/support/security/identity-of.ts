import type { TestContext } from 'node:test';
import { silentLogger } from '../../../shared/observability/logger.ts';
import { TlsIdentity } from '../../../shared/security/tls-identity.ts';
import { systemClock } from '../../../shared/time/system-clock.ts';
import type { TestAuthority, TestCertificate } from './test-authority.ts';

/** What a process shows with a certificate of the authority; it is watched until the test ends. */
export async function identityOf(
  t: TestContext,
  authority: TestAuthority,
  name: string,
  certificate: TestCertificate = {},
): Promise<TlsIdentity> {
  const files = await authority.issue(name, certificate);
  // A clock of the certificate's own time: what has expired since can still be loaded.
  const nowMs = (certificate.notAfter?.getTime() ?? Date.now() + 1_000) - 1_000;
  const clock = { ...systemClock, nowMs: () => nowMs };
  const identity = await TlsIdentity.load(files, { clock, logger: silentLogger, intervalMs: 50 });
  t.after(() => identity.close());
  return identity;
}
