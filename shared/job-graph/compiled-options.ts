import type { ModelSpec, Preprocessing } from '../model/model-spec.ts';
import type { BlackholeOptions } from '../pipeline/kinds/sink-blackhole.ts';
import type { DeadLettersOptions, FilesSinkOptions } from '../pipeline/kinds/sink-files.ts';
import type { PrintOptions } from '../pipeline/kinds/sink-print.ts';
import type { ThumbnailsOptions } from '../pipeline/kinds/sink-thumbnails.ts';
import type { DatagenSourceOptions } from '../pipeline/kinds/source-datagen.ts';
import type { FilesSourceOptions } from '../pipeline/kinds/source-files.ts';
import type { FilterOptions } from '../pipeline/kinds/transform-filter.ts';
import type { ImageTensorOptions } from '../pipeline/kinds/transform-image-tensor.ts';
import type { MapOptions } from '../pipeline/kinds/transform-map.ts';
import type { OnnxOptions } from '../pipeline/kinds/transform-onnx.ts';

/** Options as task managers get them: complete, locations as absolute URIs, durations in ms. */
export interface CompiledOptions {
  'source/files': FilesSourceOptions;
  'source/datagen': DatagenSourceOptions;
  'transform/image-tensor': CompiledImageTensorOptions;
  'transform/onnx': CompiledOnnxOptions;
  'transform/filter': FilterOptions;
  'transform/map': MapOptions;
  'transform/count': CompiledCountOptions;
  'sink/files': FilesSinkOptions;
  'sink/thumbnails': CompiledThumbnailsOptions;
  'sink/print': PrintOptions;
  'sink/blackhole': BlackholeOptions;
  /** Added by the compiler to every chain that can reject a record. */
  'sink/dead-letters': DeadLettersOptions;
}

/** `category/kind`. */
export type OperatorKind = keyof CompiledOptions;

export interface CompiledImageTensorOptions
  extends Pick<
    ImageTensorOptions,
    'bytesMax' | 'pixelsMax' | 'formats' | 'concurrency' | 'ordered'
  > {
  readonly preprocessing: Preprocessing;
}

export interface CompiledOnnxOptions
  extends Pick<OnnxOptions, 'topK' | 'batch' | 'concurrency' | 'ordered'> {
  readonly model: ModelSpec;
  /** How its tensors were made, to make them again after a recovery; null: in several ways. */
  readonly decoding: CompiledImageTensorOptions | null;
}

export interface CompiledCountOptions {
  readonly keyBy: readonly string[];
}

export interface CompiledThumbnailsOptions extends ThumbnailsOptions {
  /** URIs of the sources upstream, longest first: `{path}` in the key is relative to one of them. */
  readonly sourceRoots: readonly string[];
}
