import { invariant } from '../../../shared/errors/invariant.ts';
import type { CompiledImageTensorOptions } from '../../../shared/job-graph/compiled-options.ts';
import type { StreamRecord } from '../../../shared/record/stream-record.ts';
import { decodingThreads } from '../../image/decoding-threads.ts';
import type { AsyncFunction } from '../async-function.ts';
import type { OperatorContext } from '../operator-context.ts';
import { decodeRecordImage } from './decode-record-image.ts';

/**
 * `transform: image-tensor`: decodes, turns upright, resizes and crops the image of a record. The
 * pixels stay bytes; what is left of the preprocessing travels with them and is done where the batch
 * is assembled.
 *
 * In: a record with `bytes`, or with a `source` to read them from. Out: the same record with
 * `format`, `width` and `height` (of the upright original) and the tensor.
 */
export class ImageTensorFunction implements AsyncFunction {
  readonly concurrency: number;
  readonly ordered: boolean;
  readonly #options: CompiledImageTensorOptions;
  #context: OperatorContext | null = null;

  constructor(options: CompiledImageTensorOptions) {
    this.#options = options;
    // One decoding and one waiting for each thread keeps the threads busy.
    this.concurrency = options.concurrency ?? 2 * decodingThreads();
    this.ordered = options.ordered;
  }

  open(context: OperatorContext): void {
    this.#context = context;
  }

  async invoke(record: StreamRecord): Promise<readonly StreamRecord[]> {
    const context = this.#context;
    invariant(context !== null, 'invoke follows open');
    const image = await decodeRecordImage(record, context, this.#options);
    const { format, width, height, tensor } = image;
    return [record.withTensor({ ...record.value, format, width, height }, tensor)];
  }
}
