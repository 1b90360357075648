import type { MessagePort } from 'node:worker_threads';
import type { SerializedError } from '../../shared/errors/sluice-error.ts';
import type { ModelSpec } from '../../shared/model/model-spec.ts';
import type { ImageTensor } from '../../shared/record/image-tensor.ts';
import type { LoadOptions } from './inference-client.ts';
import type { ExecutionProvider } from './inference-options.ts';

/**
 * What the three kinds of threads say to each other:
 *
 * ```
 *   slot ──SlotRequest──► main thread ──ExecutorRequest──► executor
 *        ◄──SlotReply───              ◄──ExecutorReply────
 *   slot ────────InferRequest────────────────────────────► executor   (one channel per pair)
 *        ◄───────InferReply───────────────────────────────
 * ```
 *
 * Images go straight from the slot to the executor; the main thread only makes the channels.
 */
export type SlotRequest =
  | {
      readonly kind: 'load';
      readonly requestId: number;
      readonly model: ModelSpec;
      readonly options: LoadOptions;
    }
  | { readonly kind: 'release'; readonly modelId: number };

export type SlotReply =
  /** Sent before the first `loaded` that names this executor. */
  | {
      readonly kind: 'connect';
      readonly executorId: number;
      readonly port: MessagePort;
      readonly queueLengths: SharedArrayBuffer;
    }
  | {
      readonly kind: 'loaded';
      readonly requestId: number;
      readonly modelId: number;
      readonly executorIds: readonly number[];
      readonly executionProvider: ExecutionProvider;
      readonly concurrencySuggested: number;
    }
  | { readonly kind: 'load-failed'; readonly requestId: number; readonly error: SerializedError }
  | {
      readonly kind: 'executor-lost';
      readonly executorId: number;
      readonly error: SerializedError;
    };

export type ExecutorRequest =
  | { readonly kind: 'connect'; readonly port: MessagePort }
  | {
      readonly kind: 'load';
      readonly modelId: number;
      /** The verified file on this machine. */
      readonly path: string;
      readonly model: ModelSpec;
      readonly options: LoadOptions;
      /** Of `ModelRunStats`. */
      readonly runStats: SharedArrayBuffer;
    }
  | { readonly kind: 'unload'; readonly modelId: number }
  | { readonly kind: 'stop' };

export type ExecutorReply =
  /** `batchSizeMax`: what the model really takes at a time, found by the warm-up. */
  | { readonly kind: 'loaded'; readonly modelId: number; readonly batchSizeMax: number }
  | { readonly kind: 'load-failed'; readonly modelId: number; readonly error: SerializedError }
  /** No `run()` is active and none will be: the thread may be ended. */
  | { readonly kind: 'stopped' };

/** `workerData` of an executor thread. */
export interface ExecutorData {
  readonly executorId: number;
  readonly executionProvider: ExecutionProvider;
  readonly intraOpThreads: number;
  readonly queueLengths: SharedArrayBuffer;
  readonly stats: SharedArrayBuffer;
}

export interface InferRequest {
  readonly id: number;
  readonly modelId: number;
  readonly tensor: ImageTensor;
}

/** The results of the images of one slot in one batch. */
export interface InferReply {
  readonly ids: readonly number[];
  readonly outcomes: readonly InferOutcome[];
  readonly batchSize: number;
}

export type InferOutcome =
  | { readonly indices: readonly number[]; readonly scores: readonly number[] }
  | { readonly error: SerializedError };
