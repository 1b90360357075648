import { MessageChannel, type MessagePort } from 'node:worker_threads';
import type { DataAddress } from '../../shared/job-graph/task-deployment.ts';
import { limitedLog } from '../../shared/observability/limited-log.ts';
import { HubCore } from './hub-core.ts';
import { NETWORK_LIMITS, type NetworkHubOptions } from './network-options.ts';
import { nodeLinkPort } from './node-link-port.ts';
import { tcpTransport } from './tcp-transport.ts';
import { tlsTransport } from './tls-transport.ts';
import type { ByteStream, TransportListener } from './transport.ts';

/**
 * The data plane of one task manager, in its main thread: listens for other task managers, keeps
 * the connections to them, and passes frames between connections and slots. Usage: one `start`, one
 * `connectSlot` per slot worker (transfer the port to it), `close` at the end.
 */
export class NetworkHub {
  readonly address: DataAddress;
  readonly #core: HubCore;
  readonly #listener: TransportListener;
  readonly #openStreams: Set<ByteStream>;
  readonly #options: NetworkHubOptions;

  private constructor(parts: {
    readonly core: HubCore;
    readonly listener: TransportListener;
    readonly openStreams: Set<ByteStream>;
    readonly options: NetworkHubOptions;
  }) {
    const { taskManagerId, host, advertisedHost } = parts.options;
    this.address = { taskManagerId, host: advertisedHost ?? host, port: parts.listener.port };
    this.#core = parts.core;
    this.#listener = parts.listener;
    this.#openStreams = parts.openStreams;
    this.#options = parts.options;
  }

  /** Throws a SluiceError (`PORT_IN_USE`, `ARGUMENT_INVALID`) where it cannot listen. */
  static async start(options: NetworkHubOptions): Promise<NetworkHub> {
    const { host, port, identity = null, clock, refused } = options;
    const log = limitedLog(options.log ?? (() => {}), clock);
    const transport =
      options.transport ??
      (identity === null ? tcpTransport : tlsTransport({ identity, clock, log, refused }));
    const openStreams = new Set<ByteStream>();
    const watched = (stream: ByteStream): ByteStream => watch(stream, openStreams);
    const core = new HubCore({
      taskManagerId: options.taskManagerId,
      clock,
      defer: queueMicrotask,
      limits: { ...NETWORK_LIMITS, ...options.limits },
      log,
      connect: (peerHost, peerPort) => watched(transport.connect(peerHost, peerPort)),
      createChannel() {
        const { port1, port2 } = new MessageChannel();
        return [port1, port2];
      },
    });
    try {
      const onConnection = (stream: ByteStream): void => core.accept(watched(stream));
      const listener = await transport.listen({ host, port, onConnection });
      return new NetworkHub({ core, listener, openStreams, options });
    } catch (error) {
      core.close();
      throw error;
    }
  }

  /** The end for a slot's worker: pass it in `transferList`, then `new SlotNetwork(port, …)` there. */
  connectSlot(): MessagePort {
    const { port1, port2 } = new MessageChannel();
    this.#core.addSlot(nodeLinkPort(port1));
    return port2;
  }

  /** Connections to other task managers, both directions together. */
  get connectionCount(): number {
    return this.#core.connectionCount;
  }

  /** Sends what is written (bounded by `closeTimeoutMs`), then closes every connection and port. */
  async close(): Promise<void> {
    const { clock, limits } = this.#options;
    this.#listener.close();
    this.#core.close();
    const closed = [...this.#openStreams].map(
      (stream) => new Promise<void>((resolve) => stream.onClose(() => resolve())),
    );
    const timeout = Promise.withResolvers<void>();
    const timeoutMs = limits?.closeTimeoutMs ?? NETWORK_LIMITS.closeTimeoutMs;
    const cancel = clock.setTimer(timeoutMs, timeout.resolve);
    await Promise.race([Promise.all(closed), timeout.promise]);
    cancel();
    for (const stream of this.#openStreams) stream.destroy();
  }
}

/** Keeps the stream in the set for as long as it is open. */
function watch(stream: ByteStream, open: Set<ByteStream>): ByteStream {
  open.add(stream);
  stream.onClose(() => open.delete(stream));
  return stream;
}
