import type { ColorOrder, TensorElementType, TensorLayout } from '../record/image-tensor.ts';

export type OutputKind = 'logits' | 'probabilities';

/** What the decoding stage does for a model; complete, nothing left to guess. */
export interface Preprocessing {
  /** Length of the shorter side after resizing, pixels; null: no resize before the crop. */
  readonly resize: number | null;
  /** Centre crop, pixels. */
  readonly cropHeight: number;
  readonly cropWidth: number;
  readonly color: ColorOrder;
  /** element = (pixel / scale − mean[c]) / std[c]. */
  readonly scale: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly layout: TensorLayout;
  readonly type: TensorElementType;
}

/**
 * A model, resolved: the pipeline's options, the model.yaml and the metadata in the ONNX file put
 * together and checked against each other. Plain data; part of the job graph.
 */
export interface ModelSpec {
  readonly name: string;
  readonly version: string;
  /** Where the .onnx file lies. */
  readonly uri: string;
  /** Of the .onnx file, lower-case hexadecimal; computed when the pipeline names none. */
  readonly sha256: string;
  readonly input: ModelInput;
  readonly preprocessing: Preprocessing;
  readonly output: ModelOutput;
  /** In index order; null: results carry the index only. */
  readonly labels: readonly string[] | null;
}

export interface ModelInput {
  readonly name: string;
  readonly layout: TensorLayout;
  readonly type: TensorElementType;
  /** The batch size that the file fixes, or null where it is free. */
  readonly batchFixed: number | null;
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
}

export interface ModelOutput {
  readonly name: string;
  readonly kind: OutputKind;
  /** Null where the file does not say; then the executor checks it with the warm-up run. */
  readonly classes: number | null;
}
