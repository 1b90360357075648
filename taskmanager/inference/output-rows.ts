import type { Tensor } from 'onnxruntime-node';

/**
 * A batch's output as one row of numbers per image, whatever axes of length one follow the classes
 * (`[n, 1000]`, `[n, 1000, 1, 1]`, `[n, 1, 1, 1000]`). Throws where it cannot be cut into `images`
 * rows. Pure.
 */
export function outputRows(output: Tensor, images: number): ArrayLike<number>[] {
  const { data, type, dims } = output;
  if (type !== 'float32' && type !== 'float16' && type !== 'float64') {
    throw new Error(`the output is ${type}, not a floating-point number`);
  }
  const classes = data.length / images;
  const batched = dims.length > 1 ? dims[0] === images : images === 1;
  if (!batched || !Number.isInteger(classes) || classes < 1) {
    throw new Error(`the output is [${dims.join(', ')}] for a batch of ${images}`);
  }
  const numbers = data instanceof Uint16Array ? decodeHalves(data) : (data as Float32Array);
  return Array.from({ length: images }, (_, image) =>
    numbers.subarray(image * classes, (image + 1) * classes),
  );
}

/** IEEE 754 half precision from its bits; only where the runtime has no Float16Array (Node 22). */
export function decodeHalves(bits: Uint16Array): Float32Array {
  return Float32Array.from(bits, (half) => {
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >> 10) & 0x1f;
    const fraction = half & 0x3ff;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
}
