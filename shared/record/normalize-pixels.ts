/**
 * Turns one image's pixels into the elements of a model's input, at its place in the batch.
 *
 * A pixel has 256 values, so each channel gets a table of 256 finished elements (already divided,
 * rounded to half precision, clamped…) and the loop over the pixels only looks up and stores: it is
 * the same for all element types, and several times faster than computing each element.
 *
 * Pure; runs in whichever thread assembles the batch.
 */
import { invariant } from '../errors/invariant.ts';
import type { ImageTensor, PixelNormalization, TensorElementType } from './image-tensor.ts';

/** f32, f16 as its bits, or u8: what ONNX Runtime takes for the three element types. */
export type TensorElements = Float32Array | Uint16Array | Uint8Array;

const PIXEL_VALUES = 256;

/**
 * Writes `height × width × channels` elements from `target[elementOffset]` on, in the layout and
 * type that `tensor.normalization` names: element = (pixel / scale − mean[c]) / std[c]. For `u8` the
 * result is rounded and clamped to 0…255.
 */
export function normalizeInto(
  tensor: ImageTensor,
  target: TensorElements,
  elementOffset: number,
): void {
  const { data, channels, normalization } = tensor;
  const planeSize = tensor.height * tensor.width;
  invariant(data.length === planeSize * channels, 'a tensor holds height × width × channels', {
    bytes: data.length,
    height: tensor.height,
    width: tensor.width,
    channels,
  });
  invariant(
    elementOffset >= 0 && elementOffset + data.length <= target.length,
    'the image fits into the batch',
    { elementOffset, elements: data.length, target: target.length },
  );
  invariant(matchesType(target, normalization.type), 'the batch has the element type', {
    type: normalization.type,
    bytesPerElement: target.BYTES_PER_ELEMENT,
  });
  const tables = Array.from({ length: channels }, (_, channel) =>
    elementTable(normalization, channel),
  );
  const [first, second, third] = tables;
  invariant(first !== undefined, 'a tensor has a channel');
  if (second === undefined || third === undefined) {
    writePlane(data, target, elementOffset, first);
  } else if (normalization.layout === 'NCHW') {
    writePlanes(data, target, elementOffset, planeSize, first, second, third);
  } else {
    writeInterleaved(data, target, elementOffset, first, second, third);
  }
}

function writePlane(
  pixels: Uint8Array,
  target: TensorElements,
  elementOffset: number,
  table: TensorElements,
): void {
  for (let index = 0; index < pixels.length; index += 1) {
    target[elementOffset + index] = table[pixels[index] as number] as number;
  }
}

function writePlanes(
  pixels: Uint8Array,
  target: TensorElements,
  elementOffset: number,
  planeSize: number,
  first: TensorElements,
  second: TensorElements,
  third: TensorElements,
): void {
  const secondPlane = elementOffset + planeSize;
  const thirdPlane = secondPlane + planeSize;
  for (let index = 0, pixel = 0; index < planeSize; index += 1, pixel += 3) {
    target[elementOffset + index] = first[pixels[pixel] as number] as number;
    target[secondPlane + index] = second[pixels[pixel + 1] as number] as number;
    target[thirdPlane + index] = third[pixels[pixel + 2] as number] as number;
  }
}

function writeInterleaved(
  pixels: Uint8Array,
  target: TensorElements,
  elementOffset: number,
  first: TensorElements,
  second: TensorElements,
  third: TensorElements,
): void {
  for (let pixel = 0; pixel < pixels.length; pixel += 3) {
    target[elementOffset + pixel] = first[pixels[pixel] as number] as number;
    target[elementOffset + pixel + 1] = second[pixels[pixel + 1] as number] as number;
    target[elementOffset + pixel + 2] = third[pixels[pixel + 2] as number] as number;
  }
}

function matchesType(target: TensorElements, type: TensorElementType): boolean {
  switch (type) {
    case 'f32':
      return target instanceof Float32Array;
    case 'f16':
      return target instanceof Uint16Array;
    case 'u8':
      return target instanceof Uint8Array;
    default:
      return type satisfies never;
  }
}

/** The element of each of the 256 values that a pixel of this channel can have. */
function elementTable(normalization: PixelNormalization, channel: number): TensorElements {
  const { scale, type } = normalization;
  const mean = normalization.mean[channel];
  const std = normalization.std[channel];
  invariant(mean !== undefined && std !== undefined, 'mean and std have an entry per channel', {
    channel,
    mean: normalization.mean.length,
    std: normalization.std.length,
  });
  const table = emptyTable(type);
  for (let value = 0; value < PIXEL_VALUES; value += 1) {
    const element = (value / scale - mean) / std;
    table[value] = type === 'f16' ? float16Bits(element) : roundFor(type, element);
  }
  return table;
}

function emptyTable(type: TensorElementType): TensorElements {
  if (type === 'f32') return new Float32Array(PIXEL_VALUES);
  return type === 'f16' ? new Uint16Array(PIXEL_VALUES) : new Uint8Array(PIXEL_VALUES);
}

function roundFor(type: 'f32' | 'u8', element: number): number {
  return type === 'u8' ? Math.min(255, Math.max(0, Math.round(element))) : element;
}

const FLOAT16_EXPONENT_MIN = -14;
const FLOAT16_FRACTION = 1024;
const FLOAT16_INFINITY = 0x7c00;

/**
 * The bits of the nearest IEEE 754 half-precision number, ties to even. By hand because Float16Array
 * is missing in Node 22, which `engines` allows.
 */
function float16Bits(value: number): number {
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  if (Number.isNaN(value)) return 0x7e00;
  if (magnitude === 0) return sign;
  const exponent = Math.max(FLOAT16_EXPONENT_MIN, Math.floor(Math.log2(magnitude)));
  // In units of the last place; a fraction that rounds up to 2048 carries into the exponent.
  const fraction = roundHalfToEven((magnitude / 2 ** exponent) * FLOAT16_FRACTION);
  const bits = (exponent - FLOAT16_EXPONENT_MIN) * FLOAT16_FRACTION + fraction;
  return sign | Math.min(bits, FLOAT16_INFINITY);
}

function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}
