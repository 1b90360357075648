/**
 * One model in one executor thread: the ONNX Runtime session, the buffer in which batches are put
 * together, and the way from pixels to classes. `infer` blocks its thread for the whole run.
 */
import ort, { type InferenceSession, type Tensor } from 'onnxruntime-node';
import { invariant } from '../../shared/errors/invariant.ts';
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { ModelSpec } from '../../shared/model/model-spec.ts';
import type { ImageTensor, TensorElementType } from '../../shared/record/image-tensor.ts';
import { normalizeInto, type TensorElements } from '../../shared/record/normalize-pixels.ts';
import { paddedBatchSize, paddedBatchSizes } from './batch-policy.ts';
import { type TopClasses, topClasses } from './classify.ts';
import type { ExecutorStats, ModelRunStats } from './executor-counters.ts';
import type { LoadOptions } from './inference-client.ts';
import type { ExecutionProvider } from './inference-options.ts';
import { outputRows } from './output-rows.ts';

export interface ModelSessionParts {
  readonly session: InferenceSession;
  readonly model: ModelSpec;
  readonly options: LoadOptions;
  readonly executionProvider: ExecutionProvider;
  readonly stats: ExecutorStats;
  readonly runStats: ModelRunStats;
  readonly monotonicMs: () => number;
}

export class ModelSession {
  readonly #parts: ModelSessionParts;
  readonly #imageElements: number;
  #batchFixed: number | null;
  #batch: TensorElements;

  private constructor(parts: ModelSessionParts) {
    const { input } = parts.model;
    this.#parts = parts;
    this.#imageElements = input.height * input.width * input.channels;
    this.#batchFixed = input.batchFixed;
    this.#batch = this.#newBatch();
  }

  /**
   * Runs the model on black images, which takes its first allocations out of the way of real ones
   * and checks that it gives what the spec says. Rejects with MODEL_MISMATCH.
   */
  static async create(parts: ModelSessionParts): Promise<ModelSession> {
    const created = new ModelSession(parts);
    await created.#warmUp();
    return created;
  }

  /** Images in one run at most. */
  get batchSizeMax(): number {
    return this.#batchFixed ?? this.#parts.options.batchSizeMax;
  }

  get batchFixed(): number | null {
    return this.#batchFixed;
  }

  /**
   * The classes of each image, or the error of each that failed. An image that makes its batch fail
   * is found by running the images one by one, so that the others still have results.
   */
  async infer(tensors: readonly ImageTensor[]): Promise<readonly (TopClasses | SluiceError)[]> {
    const bad = tensors.map((tensor) => this.#misfit(tensor));
    const good = tensors.filter((_, index) => bad[index] === null);
    const classified = good.length === 0 ? [] : await this.#inferGood(good);
    const results = classified[Symbol.iterator]();
    return bad.map((error) => {
      if (error !== null) return error;
      const next = results.next();
      invariant(next.done !== true, 'a result per image', { images: tensors.length });
      return next.value;
    });
  }

  async #inferGood(tensors: readonly ImageTensor[]): Promise<(TopClasses | SluiceError)[]> {
    try {
      return await this.#run(tensors);
    } catch (error) {
      if (tensors.length === 1) return [failed(error)];
      const results: (TopClasses | SluiceError)[] = [];
      for (const tensor of tensors) results.push(...(await this.#inferGood([tensor])));
      return results;
    }
  }

  async #run(tensors: readonly ImageTensor[]): Promise<(TopClasses | SluiceError)[]> {
    const { model, options, stats, runStats, monotonicMs } = this.#parts;
    const startMs = monotonicMs();
    tensors.forEach((tensor, index) => {
      normalizeInto(tensor, this.#batch, index * this.#imageElements);
    });
    const normalizedMs = monotonicMs();
    stats.add('normalizeMs', normalizedMs - startMs);
    const size = paddedBatchSize(tensors.length, this.#sizeLimits());
    const rows = await this.#runSession(size, tensors.length);
    const runMs = monotonicMs() - normalizedMs;
    stats.addRun(tensors.length, runMs);
    runStats.addRun(runMs);
    return rows.slice(0, tensors.length).map((row) => {
      const best = topClasses(row, { topK: options.topK, kind: model.output.kind });
      return best ?? failed('the model gave NaN (not a number) for this image');
    });
  }

  /** Runs what lies in the batch buffer. */
  async #runSession(size: number, used: number): Promise<ArrayLike<number>[]> {
    const { session, model } = this.#parts;
    const { input, output } = model;
    const elements = this.#batch.subarray(0, size * this.#imageElements);
    // Padding must not carry an earlier image that the model cannot take.
    elements.fill(0, used * this.#imageElements);
    const { height, width, channels } = input;
    const axes = input.layout === 'NCHW' ? [channels, height, width] : [height, width, channels];
    const tensor = batchTensor(input.type, elements, [size, ...axes]);
    const outputs = await session.run({ [input.name]: tensor }, [output.name]);
    const result = outputs[output.name];
    if (result === undefined) throw new Error(`the model gave no output "${output.name}"`);
    return outputRows(result, size);
  }

  async #warmUp(): Promise<void> {
    const { model, executionProvider } = this.#parts;
    const [row] = await this.#tryRun(this.#batchFixed ?? 1);
    const { classes, name } = model.output;
    const found = row?.length ?? 0;
    if (classes !== null && found !== classes) {
      throw mismatch(model, `its output "${name}" has ${found} classes, not ${classes}`);
    }
    if (model.labels !== null && model.labels.length !== found) {
      throw new SluiceError(
        'LABELS_MISMATCH',
        `${model.uri} has ${found} classes, but there are ${model.labels.length} labels.`,
        { domain: 'user', context: { uri: model.uri } },
      );
    }
    if (this.#batchFixed !== null || this.batchSizeMax === 1) return;
    try {
      await this.#runSession(2, 0);
    } catch {
      // Exporters name the batch axis free although a reshape inside fixes it to one.
      this.#batchFixed = 1;
      this.#batch = this.#newBatch();
      return;
    }
    if (executionProvider === 'cpu') return;
    for (const size of paddedBatchSizes(this.#sizeLimits())) await this.#tryRun(size);
  }

  async #tryRun(size: number): Promise<ArrayLike<number>[]> {
    try {
      return await this.#runSession(size, 0);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw mismatch(this.#parts.model, `it fails on a black image: ${reason}`, error);
    }
  }

  #sizeLimits() {
    const { executionProvider } = this.#parts;
    return { executionProvider, sizeMax: this.batchSizeMax, batchFixed: this.#batchFixed };
  }

  #newBatch(): TensorElements {
    const length = this.batchSizeMax * this.#imageElements;
    const { type } = this.#parts.model.input;
    if (type === 'f32') return new Float32Array(length);
    return type === 'f16' ? new Uint16Array(length) : new Uint8Array(length);
  }

  #misfit(tensor: ImageTensor): SluiceError | null {
    const { input } = this.#parts.model;
    const { normalization } = tensor;
    const fits =
      tensor.height === input.height &&
      tensor.width === input.width &&
      tensor.channels === input.channels &&
      tensor.data.length === this.#imageElements &&
      normalization.layout === input.layout &&
      normalization.type === input.type;
    if (fits) return null;
    const has = describe({ ...tensor, ...normalization });
    return failed(`the image's tensor is ${has}, but the model takes ${describe(input)}`);
  }
}

/**
 * Where the runtime has Float16Array (Node 24), `ort.Tensor` turns half-precision bits into one, which
 * the native binding of 1.30 takes for an empty array: it wants the bits. So they go in as uint16.
 */
function batchTensor(type: TensorElementType, elements: TensorElements, dims: number[]): Tensor {
  if (type === 'f32') return new ort.Tensor('float32', elements, dims);
  if (type === 'u8') return new ort.Tensor('uint8', elements, dims);
  return Object.assign(new ort.Tensor('uint16', elements, dims), { type: 'float16' as const });
}

function describe(shape: {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly layout: string;
  readonly type: string;
}): string {
  const { height, width, channels, layout, type } = shape;
  return `${height}×${width} pixels of ${channels} channels (${layout}, ${type})`;
}

function failed(reason: unknown): SluiceError {
  const message = reason instanceof Error ? reason.message : String(reason);
  return new SluiceError('INFERENCE_FAILED', `The inference failed: ${message}.`, {
    domain: 'user',
    cause: reason,
  });
}

function mismatch(model: ModelSpec, reason: string, cause?: unknown): SluiceError {
  return new SluiceError('MODEL_MISMATCH', `${model.uri} does not fit: ${reason}.`, {
    domain: 'user',
    context: { uri: model.uri },
    ...(cause === undefined ? {} : { cause }),
  });
}
