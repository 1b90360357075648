import type { EventLog } from '../../shared/observability/limited-log.ts';
import type { RefusedConnections } from '../../shared/security/refused-connections.ts';
import type { TlsIdentity } from '../../shared/security/tls-identity.ts';
import type { Clock } from '../../shared/time/clock.ts';
import type { Transport } from './transport.ts';

/** What the data plane bounds; every queue and every wait has its limit here. */
export interface NetworkLimits {
  /** Open connections, both directions together; one more is refused. */
  readonly connectionsMax: number;
  /** Partition requests that wait for their producer to register. */
  readonly requestsWaitingMax: number;
  /** How long such a request waits before its consumer fails. */
  readonly requestTimeoutMs: number;
  /** From the start of a connection to the end of its handshake. */
  readonly connectTimeoutMs: number;
  /** Pause between two keep-alive pings of a connection. */
  readonly pingIntervalMs: number;
  /** A peer that sends nothing for so long is lost. */
  readonly peerTimeoutMs: number;
  /** How long `close` waits for what is still to be sent. */
  readonly closeTimeoutMs: number;
}

export const NETWORK_LIMITS: NetworkLimits = {
  connectionsMax: 1024,
  requestsWaitingMax: 16_384,
  requestTimeoutMs: 30_000,
  connectTimeoutMs: 5_000,
  pingIntervalMs: 1_000,
  peerTimeoutMs: 5_000,
  closeTimeoutMs: 2_000,
};

/** Receives what operators should know of: refused and broken connections. */
export type NetworkLog = EventLog;

export interface NetworkHubOptions {
  readonly taskManagerId: string;
  /** Where to listen. */
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** What peers connect to, where that is not `host` (which may be `0.0.0.0`). */
  readonly advertisedHost?: string;
  readonly clock: Clock;
  readonly log?: NetworkLog;
  readonly limits?: Partial<NetworkLimits>;
  /** Given: TLS between task managers. */
  readonly identity?: TlsIdentity | null;
  /** Counts whom TLS keeps out; default: for nobody. */
  readonly refused?: RefusedConnections;
  /** How sockets are made; by default TLS with an identity, plain TCP without. */
  readonly transport?: Transport;
}

export interface SlotNetworkOptions {
  readonly clock: Clock;
}

export interface ResultPartitionOptions {
  /** The producing subtask: round robin starts there, so that producers do not march in step. */
  readonly subtaskIndex: number;
  /** How long a record may wait for its buffer to fill. */
  readonly bufferTimeoutMs?: number;
  /** Full buffers that may wait per subpartition before `isAvailable` is false. */
  readonly buffersQueuedMax?: number;
}

export const BUFFER_TIMEOUT_DEFAULT_MS = 10;
export const BUFFERS_QUEUED_MAX_DEFAULT = 8;

/** Size of an ordinary buffer, frame header included: the unit of credit. */
export const BUFFER_BYTES = 32 * 1024;
/** One record that is larger than an ordinary buffer has one of its own, up to this. */
export const OVERSIZE_BUFFER_BYTES_MAX = 16 * 1024 * 1024;

/** Credit of a whole gate, divided among its channels; what bounds the memory of an input. */
export const GATE_CREDIT = 128;
export const CHANNEL_CREDIT_MIN = 2;
export const CHANNEL_CREDIT_MAX = 64;

/** Channel state of one gate in one unaligned checkpoint; beyond it that checkpoint is given up. */
export const CHANNEL_STATE_BYTES_MAX = 256 * 1024 * 1024;

/** What a buffer of this size costs. An oversize buffer may overdraw: one unit is enough to send it. */
export function creditUnits(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / BUFFER_BYTES));
}
