/**
 * Listeners of sockets, plain or TLS, that stay open for peers whatever strangers do. With TLS a socket
 * is handed on once the other end has shown a certificate of the authority and of the right role; not
 * one byte of it is read before.
 */
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import type { EventLog } from '../observability/limited-log.ts';
import type { Clock } from '../time/clock.ts';
import { ConnectionGuard, type ConnectionLimits } from './connection-guard.ts';
import { admitConnections, showIdentity } from './guarded-server.ts';
import { peerOf } from './peer-of.ts';
import { type PeerRole, roleProblem } from './peer-role.ts';
import type { ListenerName, RefusedConnections } from './refused-connections.ts';
import type { TlsIdentity } from './tls-identity.ts';

export type AcceptedSocket = Socket;

export interface SocketListenerOptions {
  readonly name: ListenerName;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly limits: ConnectionLimits;
  readonly clock: Clock;
  /** Bounded by the caller. */
  readonly log: EventLog;
  readonly refused?: RefusedConnections | undefined;
  /** Null: plain. */
  readonly tls: {
    readonly identity: TlsIdentity;
    /** Of whom is let in. */
    readonly role: PeerRole;
    readonly alpnProtocols?: readonly string[];
  } | null;
  /**
   * Somebody is there: with TLS a peer of the role, which is settled; without it anybody, whom
   * `settle` tells from strangers.
   */
  readonly onSocket: (socket: Socket, settle: () => void) => void;
}

export interface SocketListener {
  readonly port: number;
  close(): void;
}

const BACKLOG = 511;

/** Rejects with what `node:net` says where it cannot listen. */
export async function listenForSockets(options: SocketListenerOptions): Promise<SocketListener> {
  const guard = new ConnectionGuard(options);
  const server = options.tls === null ? plainServer(options, guard) : tlsServer(options, guard);
  const { host, port } = options;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, backlog: BACKLOG }, () => {
      server.off('error', reject);
      resolve();
    });
  });
  // Errors of accepting (too many files open) concern one connection only.
  server.on('error', () => {});
  const address = server.address();
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    close() {
      server.close();
      guard.close();
    },
  };
}

function plainServer(options: SocketListenerOptions, guard: ConnectionGuard): Server {
  const { onSocket } = options;
  return createServer({ noDelay: true }, (socket) => {
    const admission = guard.admit(peerOf(socket), () => socket.destroy());
    socket.once('close', () => admission.closed());
    onSocket(socket, () => admission.settle());
  });
}

function tlsServer(options: SocketListenerOptions, guard: ConnectionGuard): Server {
  const { tls, onSocket, limits, log, name } = options;
  if (tls === null) throw new Error('a TLS listener has an identity');
  const { identity, role, alpnProtocols } = tls;
  const server = createTlsServer({
    ...identity.contextOptions,
    requestCert: true,
    rejectUnauthorized: true,
    handshakeTimeout: limits.pendingTimeoutMs,
    noDelay: true,
    ...(alpnProtocols === undefined ? {} : { ALPNProtocols: [...alpnProtocols] }),
  });
  const admissions = admitConnections(server, guard);
  server.on('secureConnection', (socket: TLSSocket) => {
    const peer = peerOf(socket);
    const admission = admissions.get(peer);
    const problem = roleProblem(socket.getPeerX509Certificate(), role);
    if (problem !== null || admission === undefined) {
      admission?.refuse('role');
      log('warn', `${name}: a peer is refused`, { peer, reason: problem ?? 'it has gone' });
      socket.on('error', () => {});
      socket.destroy();
      return;
    }
    admission.settle();
    if (!socket.destroyed) onSocket(socket, () => {});
  });
  showIdentity(server, { name, identity, log, admissions });
  return server;
}
