/**
 * `transform: onnx`: the image's tensor becomes its classes. The work is done by the executors; this
 * only sends, waits and writes the result into the record. Slot's thread.
 */
import { invariant } from '../../../shared/errors/invariant.ts';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import type { CompiledOnnxOptions } from '../../../shared/job-graph/compiled-options.ts';
import type { ImageTensor } from '../../../shared/record/image-tensor.ts';
import type { StreamRecord } from '../../../shared/record/stream-record.ts';
import type { Classification, LoadedModel } from '../../inference/inference-client.ts';
import type { AsyncFunction } from '../async-function.ts';
import { decodeRecordImage } from '../image-tensor/decode-record-image.ts';
import type { OperatorContext } from '../operator-context.ts';

/** A class in a result; `label` is null for a model without labels. */
export interface ScoredClass {
  readonly label: string | null;
  readonly index: number;
  readonly score: number;
}

export class OnnxClassifier implements AsyncFunction {
  readonly ordered: boolean;
  readonly #options: CompiledOnnxOptions;
  readonly #device: 'cpu' | 'gpu';
  readonly #modelIdentity: { readonly name: string; readonly version: string };
  #context: OperatorContext | null = null;
  #model: LoadedModel | null = null;
  #concurrency: number;

  /** `device` is that of the slot that runs the subtask. */
  constructor(options: CompiledOnnxOptions, device: 'cpu' | 'gpu') {
    this.#options = options;
    this.#device = device;
    this.ordered = options.ordered;
    this.#modelIdentity = { name: options.model.name, version: options.model.version };
    this.#concurrency = options.concurrency ?? 1;
  }

  get concurrency(): number {
    return this.#concurrency;
  }

  async open(context: OperatorContext): Promise<void> {
    const { model, topK, batch, concurrency } = this.#options;
    this.#context = context;
    this.#model = await context.inference.load(model, {
      device: this.#device,
      topK,
      batchSizeMax: batch.sizeMax,
      batchDelayMaxMs: batch.delayMax,
    });
    this.#concurrency = concurrency ?? this.#model.concurrencySuggested;
  }

  async invoke(record: StreamRecord): Promise<readonly StreamRecord[]> {
    const model = this.#model;
    const context = this.#context;
    invariant(model !== null && context !== null, 'open comes before invoke');
    const tensor = record.tensor ?? (await this.#decodeAgain(record, context));
    if (tensor === null) {
      throw new SluiceError('RECORD_INVALID', 'The record carries no image tensor to classify.', {
        domain: 'user',
        context: { node: context.operatorId },
        hint: 'Put a `transform: image-tensor` node in front of the model.',
      });
    }
    const classification = await model.infer(tensor);
    return [record.withTensor({ ...record.value, ...this.#fields(classification) }, null)];
  }

  /** Tensors are large, and can be made again from the source's object. */
  inputToStore(record: StreamRecord): StreamRecord {
    const { tensor, source, value } = record;
    const canDecodeAgain = this.#options.decoding !== null && source !== null;
    return tensor !== null && canDecodeAgain ? record.withTensor(value, null) : record;
  }

  async close(): Promise<void> {
    const model = this.#model;
    this.#model = null;
    await model?.release();
  }

  async #decodeAgain(record: StreamRecord, context: OperatorContext): Promise<ImageTensor | null> {
    const { decoding } = this.#options;
    if (decoding === null || record.source === null) return null;
    return (await decodeRecordImage(record, context, decoding)).tensor;
  }

  #fields({ indices, scores }: Classification) {
    const { labels } = this.#options.model;
    const topK: ScoredClass[] = indices.map((index, place) => ({
      label: labels?.[index] ?? null,
      index,
      score: scores[place] ?? 0,
    }));
    const [best] = topK;
    invariant(best !== undefined, 'a model has a class');
    return {
      label: best.label,
      index: best.index,
      score: best.score,
      topK,
      model: this.#modelIdentity,
    };
  }
}
