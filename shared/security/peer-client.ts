import { X509Certificate } from 'node:crypto';
import { type ConnectionOptions, checkServerIdentity, type PeerCertificate } from 'node:tls';
import { isAddress } from './is-address.ts';
import { type PeerRole, roleProblem } from './peer-role.ts';
import type { TlsIdentity } from './tls-identity.ts';

/** TLS allows no IP address as the name that a client asks for; which name it is decides nothing. */
const SERVER_NAME_OF_ADDRESSES = 'sluice';

interface PeerConnectionOptions extends ConnectionOptions {
  readonly servername: string;
  readonly checkServerIdentity: (name: string, certificate: PeerCertificate) => Error | undefined;
}

/** How to connect to a peer of a role; its host name counts where `host` is given. */
export function peerConnectionOptions(
  identity: TlsIdentity,
  peer: { readonly role: PeerRole; readonly host: string; readonly checksHost: boolean },
): PeerConnectionOptions {
  return {
    secureContext: identity.context,
    servername: isAddress(peer.host) ? SERVER_NAME_OF_ADDRESSES : peer.host,
    rejectUnauthorized: true,
    checkServerIdentity: (_name: string, certificate: PeerCertificate) =>
      peerProblem(certificate, peer),
  };
}

function peerProblem(
  certificate: PeerCertificate,
  { role, host, checksHost }: { role: PeerRole; host: string; checksHost: boolean },
): Error | undefined {
  const problem = roleProblem(new X509Certificate(certificate.raw), role);
  if (problem !== null) return new Error(`the other end is not what it should be: ${problem}`);
  return checksHost ? checkServerIdentity(host, certificate) : undefined;
}
