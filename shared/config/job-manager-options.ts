import type { TlsFiles } from './tls-files.ts';

/** How a job manager listens and how patient it is. Durations in milliseconds. */
export interface JobManagerOptions {
  /** For both listeners. */
  readonly host: string;
  /** Where others find this one. Null: `host`, or the machine's name for 0.0.0.0. */
  readonly advertisedHost: string | null;
  /** The control plane (gRPC) for task managers; 0: any free port. */
  readonly rpcPort: number;
  /** REST and metrics; 0: any free port. */
  readonly restPort: number;
  /** Allows a host that other machines reach. */
  readonly insecure: boolean;
  /** For both listeners; null: in the clear. */
  readonly tls: TlsFiles | null;
  /** Who may use the REST API; null: everyone who reaches it. */
  readonly tokensFile: string | null;
  /** How often task managers report, and after how long a silent one is given up. */
  readonly heartbeatIntervalMs: number;
  readonly heartbeatTimeoutMs: number;
  /** How long a job waits for slots before it fails. */
  readonly resourceTimeoutMs: number;
  /** An adaptive job starts when no task manager has registered for this long. */
  readonly stabilisationMs: number;
  /** An adaptive job starts at once when this many slots are registered; 0: not known. */
  readonly expectedSlots: number;
  /** A running job grows when the slots for it have been there for so long. */
  readonly rescaleStabilisationMs: number;
  /** And not sooner after it moved to other slots the last time. */
  readonly rescaleCooldownMs: number;
  /** How long a failure that may be the consequence of another one waits for that other one. */
  readonly failureGraceMs: number;
  /** How long cancelled tasks may take to end. */
  readonly cancellationTimeoutMs: number;
  /** How long a job manager that stops waits for its jobs. */
  readonly shutdownTimeoutMs: number;
  /** Ended jobs that are still listed. */
  readonly endedJobsMax: number;
  /** Where checkpoints, jobs and the leader's lease lie, a URI; null: no checkpoints, no restarts. */
  readonly storage: string | null;
}

export const JOB_MANAGER_RPC_PORT = 6123;
export const JOB_MANAGER_REST_PORT = 8081;

export const JOB_MANAGER_DEFAULTS: JobManagerOptions = {
  host: '127.0.0.1',
  advertisedHost: null,
  rpcPort: JOB_MANAGER_RPC_PORT,
  restPort: JOB_MANAGER_REST_PORT,
  insecure: false,
  tls: null,
  tokensFile: null,
  heartbeatIntervalMs: 1_000,
  heartbeatTimeoutMs: 5_000,
  resourceTimeoutMs: 5 * 60_000,
  stabilisationMs: 300,
  expectedSlots: 0,
  rescaleStabilisationMs: 2_000,
  rescaleCooldownMs: 10_000,
  failureGraceMs: 1_000,
  cancellationTimeoutMs: 30_000,
  shutdownTimeoutMs: 10_000,
  endedJobsMax: 100,
  storage: null,
};
