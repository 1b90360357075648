/**
 * The data plane over TLS: both ends are task managers and show it, before one byte of a frame is read
 * or written. Beyond the handshake it behaves as plain TCP does.
 */
import type { OnReadOpts } from 'node:net';
import { type ConnectionOptions, connect } from 'node:tls';
import type { EventLog } from '../../shared/observability/limited-log.ts';
import { listenError } from '../../shared/rpc/listen-error.ts';
import { CONNECTION_LIMITS } from '../../shared/security/connection-guard.ts';
import { peerConnectionOptions } from '../../shared/security/peer-client.ts';
import type { RefusedConnections } from '../../shared/security/refused-connections.ts';
import { listenForSockets } from '../../shared/security/socket-listener.ts';
import type { TlsIdentity } from '../../shared/security/tls-identity.ts';
import type { Clock } from '../../shared/time/clock.ts';
import { readIntoOneBuffer, streamOf } from './tcp-transport.ts';
import type { Transport } from './transport.ts';

export interface TlsTransportOptions {
  readonly identity: TlsIdentity;
  readonly clock: Clock;
  /** Bounded by the caller. */
  readonly log: EventLog;
  readonly refused?: RefusedConnections | undefined;
}

const HANDSHAKE_TIMEOUT_MS = 5_000;

export function tlsTransport(settings: TlsTransportOptions): Transport {
  const { identity, clock, log, refused } = settings;
  return {
    async listen({ host, port, onConnection }) {
      try {
        return await listenForSockets({
          name: 'data plane',
          host,
          port,
          limits: { ...CONNECTION_LIMITS, pendingTimeoutMs: HANDSHAKE_TIMEOUT_MS },
          clock,
          log,
          refused,
          tls: { identity, role: 'task-manager' },
          onSocket: (socket) => onConnection(streamOf(socket)),
        });
      } catch (error) {
        const target = { listener: 'the data plane', host, port, portOption: '--data-port' };
        throw listenError(error, target);
      }
    },

    connect(host, port) {
      const { onread, onData } = readIntoOneBuffer();
      const options: ConnectionOptions & { readonly onread: OnReadOpts } = {
        ...peerConnectionOptions(identity, { role: 'task-manager', host, checksHost: false }),
        host,
        port,
        onread,
      };
      const socket = connect(options);
      socket.setNoDelay(true);
      // What is written waits until the other end is known.
      socket.cork();
      socket.once('secureConnect', () => socket.uncork());
      return { ...streamOf(socket), peer: `${host}:${port}`, onData };
    },
  };
}
