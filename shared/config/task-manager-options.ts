import { availableParallelism, homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FileSystemOptions } from '../filesystem/filesystem-options.ts';
import type { TlsFiles } from './tls-files.ts';

/** What a task manager offers, where it listens and how patient it is. Durations in milliseconds. */
export interface TaskManagerOptions {
  /** `host:port` of the job manager's control plane; of several, with commas, they are tried in turn. */
  readonly jobManagerAddress: string;
  /** URI of the job managers' storage: its lease says which of them leads. Null: only the addresses. */
  readonly storage: string | null;
  /** Unique in the cluster. Default: made from host, process and a random part. */
  readonly id: string | null;
  /** For the data plane and the metrics. */
  readonly host: string;
  /** Where other machines find this one. Default: `host`, or the machine's address for 0.0.0.0. */
  readonly advertisedHost: string | null;
  /** 0: any free port. */
  readonly dataPort: number;
  readonly metricsPort: number;
  /** Allows a host that other machines reach. */
  readonly insecure: boolean;
  /** For the data plane, the metrics and the connection to the job manager; null: in the clear. */
  readonly tls: TlsFiles | null;
  readonly slots: number;
  readonly device: 'cpu' | 'gpu';
  /** What runs models on slots of the device `gpu`; `cpu` where there is no GPU. */
  readonly gpuExecutionProvider: 'cpu' | 'cuda' | 'tensorrt' | 'webgpu';
  readonly labels: Readonly<Record<string, string>>;
  /** Inference threads, shared by the slots. */
  readonly executors: number;
  /** ONNX Runtime's own threads in one run; more executors beat more of these. */
  readonly intraOpThreads: number;
  readonly modelCacheDirectory: string;
  /** On a local disk: working files of keyed state, copies of snapshots to restore from. */
  readonly localStateDirectory: string;
  /** Of these copies; 0: none are kept. */
  readonly localStateBytesMax: number;
  readonly fileSystemOptions: FileSystemOptions;
  /** How often slots report their counters to the main thread. */
  readonly metricsIntervalMs: number;
  /** A cancelled task that has not ended by then is ended with its slot's thread. */
  readonly cancellationTimeoutMs: number;
  /** How long tasks go on without a job manager. */
  readonly jobManagerLostTimeoutMs: number;
  /** How long a task manager that is asked to end may take until its tasks have moved. */
  readonly drainTimeoutMs: number;
  /** How long the end of a task manager may take before its threads are ended. */
  readonly shutdownTimeoutMs: number;
}

const cores = availableParallelism();

export const TASK_MANAGER_DEFAULTS: TaskManagerOptions = {
  jobManagerAddress: '127.0.0.1:6123',
  storage: null,
  id: null,
  host: '127.0.0.1',
  advertisedHost: null,
  dataPort: 0,
  metricsPort: 0,
  insecure: false,
  tls: null,
  // Decoding and inference have threads of their own: a slot for every other core feeds them.
  slots: Math.max(1, Math.floor(cores / 2)),
  device: 'cpu',
  gpuExecutionProvider: 'cpu',
  labels: {},
  executors: cores,
  intraOpThreads: 1,
  modelCacheDirectory: join(homedir(), '.cache', 'sluice', 'models'),
  localStateDirectory: join(tmpdir(), 'sluice-state'),
  localStateBytesMax: 1024 ** 3,
  fileSystemOptions: {},
  metricsIntervalMs: 500,
  cancellationTimeoutMs: 10_000,
  jobManagerLostTimeoutMs: 60_000,
  drainTimeoutMs: 30_000,
  shutdownTimeoutMs: 10_000,
};
