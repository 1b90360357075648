import {
  type ConnectionInjector,
  type handleBidiStreamingCall,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
} from '@grpc/grpc-js';
import type { JobManagerMessage as JobManagerInfo } from '../../proto/generated/sluice/v1/JobManagerMessage.ts';
import type { TaskManagerMessage__Output as TaskManagerOutput } from '../../proto/generated/sluice/v1/TaskManagerMessage.ts';
import { limitedLog } from '../../shared/observability/limited-log.ts';
import type { Logger } from '../../shared/observability/logger.ts';
import { channelOptions } from '../../shared/rpc/channel-options.ts';
import { jobManagerServiceDefinition } from '../../shared/rpc/job-manager-service.ts';
import { listenError } from '../../shared/rpc/listen-error.ts';
import { CONNECTION_LIMITS } from '../../shared/security/connection-guard.ts';
import { peerOf } from '../../shared/security/peer-of.ts';
import type { RefusedConnections } from '../../shared/security/refused-connections.ts';
import {
  type AcceptedSocket,
  listenForSockets,
  type SocketListener,
} from '../../shared/security/socket-listener.ts';
import type { TlsIdentity } from '../../shared/security/tls-identity.ts';
import type { Clock } from '../../shared/time/clock.ts';
import type { ControlPlane } from './control-gate.ts';
import { ControlStream } from './control-stream.ts';

export interface ControlServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Null: without TLS. */
  readonly identity: TlsIdentity | null;
  readonly controlPlane: ControlPlane;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Default: counted for nobody. */
  readonly refused?: RefusedConnections;
}

type ConnectCall = ServerDuplexStream<TaskManagerOutput, JobManagerInfo>;

/** A task manager has one; some more do no harm, thousands would. */
const STREAMS_OF_CONNECTION_MAX = 16;

/**
 * The gRPC server of `JobManager.Connect`: one ControlStream per call, all decisions elsewhere. Sockets
 * are accepted here and not by gRPC: so strangers are bounded, a peer's role is known before HTTP/2
 * reads anything, and a new certificate leaves open streams alone.
 */
export class ControlServer {
  readonly #options: ControlServerOptions;
  readonly #server = new Server({
    ...channelOptions,
    // Clients ping every 10 s; the default would take that for abuse.
    'grpc.http2.min_ping_interval_without_data_ms': 5_000,
    'grpc.max_concurrent_streams': STREAMS_OF_CONNECTION_MAX,
  });
  /** By peer, as gRPC names it: what makes a connection one of a task manager. */
  readonly #settle = new Map<string, () => void>();
  #listener: SocketListener | null = null;

  constructor(options: ControlServerOptions) {
    this.#options = options;
    const connect: handleBidiStreamingCall<TaskManagerOutput, JobManagerInfo> = (
      call: ConnectCall,
    ) => {
      const onRegistered = (): void => this.#settle.get(call.getPeer())?.();
      new ControlStream(call, { ...options, onRegistered });
    };
    this.#server.addService(jobManagerServiceDefinition(), { Connect: connect });
  }

  /** Resolves with the port; rejects with PORT_IN_USE and the like. */
  async listen(): Promise<number> {
    const { host, port, identity, clock, logger, refused } = this.#options;
    const injector = this.#server.createConnectionInjector(ServerCredentials.createInsecure());
    try {
      this.#listener = await listenForSockets({
        name: 'control plane',
        host,
        port,
        limits: CONNECTION_LIMITS,
        clock,
        log: limitedLog((level, message, context) => logger[level](context, message), clock),
        refused,
        tls:
          identity === null
            ? null
            : { identity, role: 'task-manager', alpnProtocols: HTTP2_PROTOCOLS },
        onSocket: (socket, settle) => this.#accept(injector, socket, settle),
      });
    } catch (error) {
      const listener = 'the control plane';
      throw listenError(error, { listener, host, port, portOption: '--rpc-port' });
    }
    return this.#listener.port;
  }

  /** Ends every stream at once; jobs have been cancelled before. */
  close(): void {
    this.#listener?.close();
    this.#server.forceShutdown();
  }

  #accept(injector: ConnectionInjector, socket: AcceptedSocket, settle: () => void): void {
    const peer = peerOf(socket);
    this.#settle.set(peer, settle);
    socket.once('close', () => this.#settle.delete(peer));
    socket.on('error', () => {});
    injector.injectConnection(socket);
  }
}

const HTTP2_PROTOCOLS = ['h2'];
