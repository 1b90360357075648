/**
 * `transform: onnx`: the image's tensor becomes its classes. The work is done by the executors; this
 * only sends, waits and writes the result into the record. Slot's thread.
 */
import { invariant } from '../../../shared/errors/invariant.ts';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import type { CompiledOnnxOptions } from '../../../shared/job-graph/compiled-options.ts';
import type { StreamRecord } from '../../../shared/record/stream-record.ts';
import type { Classification, LoadedModel } from '../../inference/inference-client.ts';
import type { AsyncFunction } from '../async-function.ts';
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
    if (record.tensor === null) {
      throw new SluiceError('RECORD_INVALID', 'The record carries no image tensor to classify.', {
        domain: 'user',
        context: { node: context.operatorId },
        hint: 'Put a `transform: image-tensor` node in front of the model.',
      });
    }
    const classification = await model.infer(record.tensor);
    return [record.withTensor({ ...record.value, ...this.#fields(classification) }, null)];
  }

  async close(): Promise<void> {
    const model = this.#model;
    this.#model = null;
    await model?.release();
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
