import type { ModelSpec } from '../../shared/model/model-spec.ts';
import type { ImageTensor } from '../../shared/record/image-tensor.ts';

/**
 * Inference as a slot sees it. The executors are threads of the task manager, shared by its slots:
 * requests of all slots for one model are batched together.
 */
export interface InferenceClient {
  /**
   * Loads the model on the executors of that device, or finds it loaded; resolves after the warm-up
   * run. Rejects with MODEL_NOT_FOUND, MODEL_CHECKSUM, MODEL_INVALID or MODEL_MISMATCH.
   */
  load(model: ModelSpec, options: LoadOptions): Promise<LoadedModel>;
}

export interface LoadOptions {
  readonly device: 'cpu' | 'gpu';
  readonly topK: number;
  readonly batchSizeMax: number;
  readonly batchDelayMaxMs: number;
}

export interface LoadedModel {
  /** Of ONNX Runtime: `cpu`, `cuda`, `tensorrt`, `webgpu`. */
  readonly executionProvider: string;
  /** Requests that one slot needs in flight to keep the executors busy. */
  readonly concurrencySuggested: number;
  /** Classifies one image; a copy of it travels. Rejects with INFERENCE_FAILED for this image only. */
  infer(tensor: ImageTensor): Promise<Classification>;
  /** The slot no longer needs it; unloaded once nobody does. */
  release(): Promise<void>;
}

/** The best classes of one image, best first; both arrays have `topK` elements or all classes. */
export interface Classification {
  readonly indices: readonly number[];
  /** Probabilities, 0 to 1. */
  readonly scores: readonly number[];
  readonly batchSize: number;
  /** From `infer` to the result, milliseconds: waiting, batching and running. */
  readonly latencyMs: number;
}
