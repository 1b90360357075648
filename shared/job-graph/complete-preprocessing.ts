import type { ModelSpec, Preprocessing } from '../model/model-spec.ts';
import type { ImageTensorOptions } from '../pipeline/kinds/transform-image-tensor.ts';
import type { OnnxOptions } from '../pipeline/kinds/transform-onnx.ts';

/**
 * What an image-tensor node does: its own options first, then what the model that it feeds asks for.
 * Pure, any thread.
 */

/** The options of an onnx node, told also what the image-tensor node in front of it says. */
export function withExplicitPreprocessing(
  onnx: OnnxOptions,
  tensor: ImageTensorOptions,
): OnnxOptions {
  const { resize, crop, color, scale, mean, std, layout } = tensor;
  const pixels = defined({ resize, crop, color, scale, mean, std });
  // Where the file leaves the layout open. The element type it never does.
  const input = defined({ layout });
  const preprocessing = { ...onnx.preprocessing, ...pixels };
  return {
    ...onnx,
    ...(Object.keys(preprocessing).length === 0 ? {} : { preprocessing }),
    ...(Object.keys(input).length === 0 ? {} : { input: { ...onnx.input, ...input } }),
  };
}

function defined<T extends object>(options: T): { [Key in keyof T]?: NonNullable<T[Key]> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [Key in keyof T]?: NonNullable<T[Key]>;
  };
}

/** An option of the image-tensor node that the model's input does not take. */
export interface ModelConflict {
  readonly option: string;
  readonly message: string;
}

export function conflictsWithModel(
  tensor: ImageTensorOptions,
  model: ModelSpec,
): readonly ModelConflict[] {
  const { input, name } = model;
  const conflicts: ModelConflict[] = [];
  const add = (option: string, given: string, wanted: string) =>
    conflicts.push({
      option,
      message: `"${option}" gives ${given}, and the input "${input.name}" of model "${name}" takes ${wanted}`,
    });
  const crop = tensor.crop === undefined ? null : cropOf(tensor.crop);
  if (crop !== null && (crop.height !== input.height || crop.width !== input.width)) {
    add('crop', `${crop.height}×${crop.width}`, `${input.height}×${input.width}`);
  }
  if (tensor.layout !== undefined && tensor.layout !== input.layout) {
    add('layout', tensor.layout, input.layout);
  }
  if (tensor.type !== undefined && tensor.type !== input.type) {
    add('type', tensor.type, input.type);
  }
  if (tensor.color !== undefined && channelsOf(tensor.color) !== input.channels) {
    add('color', channels(channelsOf(tensor.color)), channels(input.channels));
  }
  for (const option of ['mean', 'std'] as const) {
    const values = tensor[option];
    if (values === undefined || values.length === 1 || values.length === input.channels) continue;
    add(option, `${values.length} values`, channels(input.channels));
  }
  return conflicts;
}

function channels(count: number): string {
  return count === 1 ? '1 channel' : `${count} channels`;
}

/** The option in which two models that share one image-tensor node differ, or null. */
export function differingOption(left: Preprocessing, right: Preprocessing): string | null {
  const pairs: Readonly<Record<string, readonly [unknown, unknown]>> = {
    resize: [left.resize, right.resize],
    crop: [
      [left.cropHeight, left.cropWidth],
      [right.cropHeight, right.cropWidth],
    ],
    color: [left.color, right.color],
    scale: [left.scale, right.scale],
    mean: [left.mean, right.mean],
    std: [left.std, right.std],
    layout: [left.layout, right.layout],
    type: [left.type, right.type],
  };
  for (const [option, [a, b]] of Object.entries(pairs)) {
    if (JSON.stringify(a) !== JSON.stringify(b)) return option;
  }
  return null;
}

/** The node's own options over the model's; the model's conflicts are reported elsewhere. */
export function overlayPreprocessing(
  tensor: ImageTensorOptions,
  base: Preprocessing,
): Preprocessing {
  const crop = tensor.crop === undefined ? null : cropOf(tensor.crop);
  return {
    resize: tensor.resize ?? base.resize,
    cropHeight: crop?.height ?? base.cropHeight,
    cropWidth: crop?.width ?? base.cropWidth,
    color: tensor.color ?? base.color,
    scale: tensor.scale ?? base.scale,
    mean: perChannel(tensor.mean ?? base.mean, channelsOf(tensor.color ?? base.color)),
    std: perChannel(tensor.std ?? base.std, channelsOf(tensor.color ?? base.color)),
    layout: tensor.layout ?? base.layout,
    type: tensor.type ?? base.type,
  };
}

/** For a node that feeds no model: all of it must be said, or has a plain default. */
export function standalonePreprocessing(tensor: ImageTensorOptions): Preprocessing | null {
  if (tensor.crop === undefined) return null;
  const crop = cropOf(tensor.crop);
  return overlayPreprocessing(tensor, {
    resize: null,
    cropHeight: crop.height,
    cropWidth: crop.width,
    color: 'RGB',
    scale: 1,
    mean: [0],
    std: [1],
    layout: 'NHWC',
    type: 'u8',
  });
}

/** One value stands for all channels. */
function perChannel(values: readonly number[], channels: number): readonly number[] {
  const [only = 0] = values;
  return values.length === 1 ? Array.from({ length: channels }, () => only) : values;
}

function channelsOf(color: 'RGB' | 'BGR' | 'GREY'): 1 | 3 {
  return color === 'GREY' ? 1 : 3;
}

function cropOf(crop: number | readonly [number, number]) {
  return typeof crop === 'number'
    ? { height: crop, width: crop }
    : { height: crop[0], width: crop[1] };
}
