import type { IncomingMessage, Server, ServerOptions } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import type { EventLog } from '../observability/limited-log.ts';
import type { Clock } from '../time/clock.ts';
import { ConnectionGuard, type ConnectionLimits } from './connection-guard.ts';
import { admitConnections, showIdentity } from './guarded-server.ts';
import { peerOf } from './peer-of.ts';
import type { ListenerName, RefusalReason, RefusedConnections } from './refused-connections.ts';
import type { TlsIdentity } from './tls-identity.ts';

/** What an HTTP listener waits for and accepts, beside the limits of its connections. */
export const HTTP_LIMITS = {
  maxHeaderSize: 16 * 1024,
  /** From the beginning of a connection, or of a request, to the end of its headers. */
  headersTimeout: 10_000,
  /** To the end of its body. */
  requestTimeout: 30_000,
  /** How often Node looks for those that are late. */
  connectionsCheckingInterval: 1_000,
  keepAliveTimeout: 30_000,
} as const satisfies ServerOptions;

export const HEADERS_MAX = 100;

/** The same for HTTPS. */
export function httpsOptions(identity: TlsIdentity, options: { requestCert: boolean }) {
  return {
    ...HTTP_LIMITS,
    ...identity.contextOptions,
    ...options,
    rejectUnauthorized: options.requestCert,
    handshakeTimeout: HTTP_LIMITS.headersTimeout,
  };
}

export interface HttpGuard {
  /** Whoever asks this is one of ours. */
  settle(request: IncomingMessage): void;
  /** To be counted: this connection gets nothing. */
  refuse(socket: Parameters<typeof peerOf>[0], reason: RefusalReason): void;
  /** Ends what has not proved anything; the rest is the server's. */
  close(): void;
}

/** Bounds what strangers take of an HTTP or HTTPS server; to be called before it listens. */
export function guardHttpServer(
  server: Server | SecureServer,
  options: {
    readonly name: ListenerName;
    readonly limits: ConnectionLimits;
    readonly clock: Clock;
    /** Bounded by the caller. */
    readonly log: EventLog;
    readonly refused?: RefusedConnections | undefined;
    readonly identity: TlsIdentity | null;
    /** The handshake says who it is: a client certificate is asked for. */
    readonly settledByHandshake: boolean;
  },
): HttpGuard {
  const { name, log, identity, settledByHandshake } = options;
  const guard = new ConnectionGuard(options);
  server.maxHeadersCount = HEADERS_MAX;
  const admissions = admitConnections(server, guard);
  if (identity !== null) {
    const secure = server as SecureServer;
    secure.on('secureConnection', (socket) => {
      if (settledByHandshake) admissions.get(peerOf(socket))?.settle();
    });
    showIdentity(secure, { name, identity, log, admissions });
  }
  return {
    settle: (request) => admissions.get(peerOf(request.socket))?.settle(),
    refuse: (socket, reason) => admissions.get(peerOf(socket))?.refuse(reason),
    close: () => guard.close(),
  };
}
