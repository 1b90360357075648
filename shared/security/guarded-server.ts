/** What servers of sockets and of HTTP have in common, as far as strangers go. */
import type { Server, Socket } from 'node:net';
import type { Server as TlsServer } from 'node:tls';
import type { EventLog } from '../observability/limited-log.ts';
import type { Admission, ConnectionGuard } from './connection-guard.ts';
import { peerOf } from './peer-of.ts';
import type { ListenerName } from './refused-connections.ts';
import type { TlsIdentity } from './tls-identity.ts';

/** Admits every connection from its first packet on; by peer, for those that are open. */
export function admitConnections(
  server: Server,
  guard: ConnectionGuard,
): ReadonlyMap<string, Admission> {
  const admissions = new Map<string, Admission>();
  server.on('connection', (socket: Socket) => {
    const peer = peerOf(socket);
    const admission = guard.admit(peer, () => socket.destroy());
    admissions.set(peer, admission);
    socket.once('close', () => {
      admission.closed();
      if (admissions.get(peer) === admission) admissions.delete(peer);
    });
  });
  return admissions;
}

/** Logs and counts handshakes that fail, and shows the identity's new certificates until the server closes. */
export function showIdentity(
  server: TlsServer,
  options: {
    readonly name: ListenerName;
    readonly identity: TlsIdentity;
    readonly log: EventLog;
    readonly admissions: ReadonlyMap<string, Admission>;
  },
): void {
  const { name, identity, log, admissions } = options;
  server.on('tlsClientError', (error, socket) => {
    const peer = peerOf(socket);
    admissions.get(peer)?.refuse('handshake');
    log('warn', `${name}: a TLS handshake failed`, { peer, error: error.message });
    socket.destroy();
  });
  const stopListening = identity.onChange(() => server.setSecureContext(identity.contextOptions));
  server.once('close', stopListening);
}
