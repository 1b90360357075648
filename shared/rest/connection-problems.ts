import { SluiceError } from '../errors/sluice-error.ts';

/** What a TLS handshake says, in words, and what helps. */
const CERTIFICATE_PROBLEMS: Readonly<Record<string, readonly [what: string, hint: string]>> = {
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: untrusted(),
  UNABLE_TO_GET_ISSUER_CERT: untrusted(),
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: untrusted(),
  SELF_SIGNED_CERT_IN_CHAIN: untrusted(),
  DEPTH_ZERO_SELF_SIGNED_CERT: untrusted(),
  CERT_SIGNATURE_FAILURE: untrusted(),
  CERT_UNTRUSTED: untrusted(),
  CERT_HAS_EXPIRED: [
    'its certificate has expired',
    'whoever runs it makes a new one with `sluice certs issue`',
  ],
  CERT_NOT_YET_VALID: ['its certificate is not valid yet', 'compare the clocks of both machines'],
  ERR_TLS_CERT_ALTNAME_INVALID: [
    'its certificate is for other names',
    'use a name that it has (`sluice certs show`), or issue one with --host for this name',
  ],
};

function untrusted(): readonly [string, string] {
  return [
    'its certificate is not signed by the authority that this client trusts',
    'name the authority of that cluster (ca.crt) with --authority or SLUICE_AUTHORITY',
  ];
}

/** Why no request got through to the job manager. */
export function connectionProblem(address: string, error: unknown): SluiceError {
  const root = rootCause(error);
  const code = root instanceof Error ? String((root as NodeJS.ErrnoException).code ?? '') : '';
  const known = CERTIFICATE_PROBLEMS[code];
  const context = { address };
  if (known !== undefined) {
    const [what, hint] = known;
    return new SluiceError('CERTIFICATE_INVALID', `the job manager at ${address}: ${what}`, {
      domain: 'external',
      context,
      hint,
    });
  }
  const reason = root instanceof Error ? root.message : String(root);
  return new SluiceError(
    'NETWORK_UNREACHABLE',
    `no job manager answers at ${address} (${reason})`,
    {
      domain: 'external',
      retry: 'backoff',
      context,
      hint: hintOf(address, code, reason),
    },
  );
}

function hintOf(address: string, code: string, reason: string): string {
  if (address.startsWith('http:') && /ECONNRESET|UND_ERR_SOCKET|HPE_/u.test(code)) {
    return 'where the job manager has a certificate, its address begins with https://';
  }
  if (/EPROTO|wrong version number|ERR_SSL/iu.test(`${code} ${reason}`)) {
    return 'where the job manager has no certificate, its address begins with http://';
  }
  return 'start one with `sluice cluster up`, or name its address with --job-manager';
}

/** `fetch failed` says nothing; its innermost cause does (`connect ECONNREFUSED …`). */
function rootCause(error: unknown): unknown {
  let current = error;
  while (current instanceof Error && current.cause instanceof Error) current = current.cause;
  if (current instanceof AggregateError && current.errors[0] instanceof Error) {
    return current.errors[0];
  }
  return current;
}
