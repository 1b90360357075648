import {
  type handleBidiStreamingCall,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
} from '@grpc/grpc-js';
import type { JobManagerMessage as JobManagerInfo } from '../../proto/generated/sluice/v1/JobManagerMessage.ts';
import type { TaskManagerMessage__Output as TaskManagerOutput } from '../../proto/generated/sluice/v1/TaskManagerMessage.ts';
import type { Logger } from '../../shared/observability/logger.ts';
import { channelOptions } from '../../shared/rpc/channel-options.ts';
import { jobManagerServiceDefinition } from '../../shared/rpc/job-manager-service.ts';
import { listenError } from '../../shared/rpc/listen-error.ts';
import type { Clock } from '../../shared/time/clock.ts';
import type { ControlPlane } from './control-gate.ts';
import { ControlStream } from './control-stream.ts';

export interface ControlServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly controlPlane: ControlPlane;
  readonly clock: Clock;
  readonly logger: Logger;
}

type ConnectCall = ServerDuplexStream<TaskManagerOutput, JobManagerInfo>;

/** The gRPC server of `JobManager.Connect`: one ControlStream per call, all decisions elsewhere. */
export class ControlServer {
  readonly #options: ControlServerOptions;
  readonly #server = new Server({
    ...channelOptions,
    // Clients ping every 10 s; the default would take that for abuse.
    'grpc.http2.min_ping_interval_without_data_ms': 5_000,
  });

  constructor(options: ControlServerOptions) {
    this.#options = options;
    const connect: handleBidiStreamingCall<TaskManagerOutput, JobManagerInfo> = (
      call: ConnectCall,
    ) => {
      new ControlStream(call, options);
    };
    this.#server.addService(jobManagerServiceDefinition(), { Connect: connect });
  }

  /** Resolves with the port; rejects with PORT_IN_USE and the like. */
  listen(): Promise<number> {
    const { host, port } = this.#options;
    const address = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    return new Promise((resolve, reject) => {
      this.#server.bindAsync(address, ServerCredentials.createInsecure(), (error, bound) => {
        if (error === null) {
          resolve(bound);
          return;
        }
        const listener = 'the control plane';
        reject(listenError(error, { listener, host, port, portOption: '--rpc-port' }));
      });
    });
  }

  /** Ends every stream at once; jobs have been cancelled before. */
  close(): void {
    this.#server.forceShutdown();
  }
}
