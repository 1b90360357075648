import type { MessagePort } from 'node:worker_threads';
import type { FileSystemRegistry } from '../../shared/filesystem/filesystem-registry.ts';
import type { Clock } from '../../shared/time/clock.ts';

/** Of ONNX Runtime. `cpu` for the device `gpu` serves GPU profiles on a machine without one. */
export type ExecutionProvider = 'cpu' | 'cuda' | 'tensorrt' | 'webgpu';

export interface InferenceServiceOptions {
  /** Executor threads of the device `cpu` (and of `gpu` where the CPU provider backs it). */
  readonly executors: number;
  /** ONNX Runtime's own threads inside one run; 1 where executors share the cores with decoding. */
  readonly intraOpThreads: number;
  /** What runs models on the device `gpu`. */
  readonly gpuExecutionProvider: ExecutionProvider;
  /** A local folder for models that lie elsewhere; files are named by their SHA-256. */
  readonly modelCacheDirectory: string;
  /**
   * How long a model stays loaded that nobody uses: a task that restarts finds it warm. At most
   * `IDLE_MODELS_MAX` for each device.
   */
  readonly unloadAfterMs: number;
  readonly fileSystems: FileSystemRegistry;
  readonly clock: Clock;
}

export const IDLE_MODELS_MAX = 2;
export const UNLOAD_AFTER_MS = 30_000;

/**
 * The inference of one task manager as its main thread sees it. The slot's side is
 * `SlotInferenceClient`, made in the slot's thread from the port that `connectSlot` gives.
 */
export interface InferenceServiceFace {
  /** One per slot; transfer it to the slot's worker. Executors start with the first model. */
  connectSlot(): MessagePort;
  /** Releases everything the slot holds; also happens by itself when its port closes. */
  disconnectSlot(port: MessagePort): void;
  /** Cheap, synchronous: reads shared counters. */
  stats(): readonly DeviceStats[];
  /**
   * Asks the executors to stop, waits until no `run()` is active, ends their threads. The process
   * must not exit before this resolves: ending inside `run()` aborts it.
   */
  stop(): Promise<void>;
}

/** Totals since the start, of all executors of one device. */
export interface DeviceStats {
  readonly device: 'cpu' | 'gpu';
  readonly executionProvider: ExecutionProvider;
  readonly executors: number;
  readonly modelsLoaded: number;
  /** Images waiting or running now. */
  readonly queued: number;
  readonly images: number;
  readonly imagesFailed: number;
  readonly runs: number;
  /** Images in those batches. */
  readonly imagesRun: number;
  /** Time inside ONNX Runtime, milliseconds. */
  readonly runMs: number;
  /** Time spent normalising pixels, milliseconds. */
  readonly normalizeMs: number;
  /** Runs per batch size; `sizeMax` is inclusive, the last one is open (`Infinity`). */
  readonly batchSizes: readonly { readonly sizeMax: number; readonly runs: number }[];
  /** Models that have run, those that were unloaded included. */
  readonly models: readonly ModelRuns[];
}

export interface ModelRuns {
  readonly name: string;
  /** Runs per duration; `durationMaxMs` is inclusive, the last one is open (`Infinity`). */
  readonly durations: readonly { readonly durationMaxMs: number; readonly runs: number }[];
  readonly sumMs: number;
}
