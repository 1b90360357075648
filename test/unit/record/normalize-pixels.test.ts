import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type {
  ImageTensor,
  PixelNormalization,
  TensorElementType,
  TensorLayout,
} from '../../../shared/record/image-tensor.ts';
import { normalizeInto } from '../../../shared/record/normalize-pixels.ts';

function imageOf(
  pixels: readonly number[],
  height: number,
  width: number,
  normalization: Partial<PixelNormalization>,
): ImageTensor {
  const channels = pixels.length === height * width ? 1 : 3;
  return {
    data: Uint8Array.from(pixels),
    height,
    width,
    channels,
    color: channels === 1 ? 'GREY' : 'RGB',
    normalization: {
      scale: 1,
      mean: new Array(channels).fill(0),
      std: new Array(channels).fill(1),
      layout: 'NCHW',
      type: 'f32',
      ...normalization,
    },
  };
}

function float16Value(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

test('when the layout is NCHW, then the channels become planes at the offset', () => {
  const target = new Float32Array(14).fill(-1);
  normalizeInto(imageOf([1, 2, 3, 4, 5, 6], 1, 2, { mean: [1, 2, 3], std: [1, 2, 4] }), target, 6);
  assert.deepEqual([...target], [-1, -1, -1, -1, -1, -1, 0, 3, 0, 1.5, 0, 0.75, -1, -1]);
});

test('when the layout is NHWC, then the channels stay interleaved', () => {
  const target = new Float32Array(6);
  normalizeInto(
    imageOf([0, 51, 102, 153, 204, 255], 2, 1, { layout: 'NHWC', scale: 255, mean: [0, 0.2, 0] }),
    target,
    0,
  );
  const expected = [0, 0, 0.4, 0.6, 0.6, 1].map(Math.fround);
  [...target].forEach((element, index) => {
    assert.ok(Math.abs(element - expected[index]!) < 1e-6, `${index}: ${element}`);
  });
});

test('when the image is grey, then one plane is written', () => {
  const target = new Float32Array(4);
  normalizeInto(imageOf([0, 10, 20, 255], 2, 2, { mean: [10], std: [5] }), target, 0);
  assert.deepEqual([...target], [-2, 0, 2, 49]);
});

test('when the type is u8, then elements are rounded and clamped', () => {
  const target = new Uint8Array(4);
  normalizeInto(imageOf([0, 1, 100, 255], 2, 2, { type: 'u8', mean: [1], std: [0.7] }), target, 0);
  assert.deepEqual([...target], [0, 0, 141, 255]);
});

test('when the type is f16, then the bits are those of the nearest half-precision numbers', () => {
  const target = new Uint16Array(4);
  normalizeInto(imageOf([0, 1, 2, 255], 2, 2, { type: 'f16', mean: [1], std: [1] }), target, 0);
  assert.deepEqual([...target], [0xbc00, 0x0000, 0x3c00, 0x5bf0]);
  const large = new Uint16Array(4);
  normalizeInto(imageOf([0, 1, 2, 255], 2, 2, { type: 'f16', std: [1e-4] }), large, 0);
  assert.equal(large[3], 0x7c00, 'beyond 65504 is infinity');
  const tiny = new Uint16Array(4);
  normalizeInto(imageOf([0, 1, 2, 3], 2, 2, { type: 'f16', std: [2 ** 24] }), tiny, 0);
  assert.deepEqual([...tiny], [0, 1, 2, 3], 'subnormal');
});

test('when mean and std are any numbers, then f16 is within half a unit of the last place', () => {
  const finite = fc.double({ min: -300, max: 300, noNaN: true });
  const divisor = fc.double({ min: 0.01, max: 300, noNaN: true });
  fc.assert(
    fc.property(finite, divisor, fc.constantFrom(1, 255), (mean, std, scale) => {
      const pixels = [0, 1, 127, 255];
      const target = new Uint16Array(4);
      normalizeInto(
        imageOf(pixels, 2, 2, { type: 'f16', mean: [mean], std: [std], scale }),
        target,
        0,
      );
      pixels.forEach((pixel, index) => {
        const exact = (pixel / scale - mean) / std;
        const bits = target[index]!;
        const error = Math.abs(float16Value(bits) - exact);
        const unit = Math.max(2 ** -24, 2 ** (Math.floor(Math.log2(Math.abs(exact) || 1)) - 10));
        assert.ok(error <= unit / 2 + 1e-12, `${exact} → ${float16Value(bits)}`);
      });
    }),
  );
});

test('when types and layouts are combined, then every element is where it belongs', () => {
  const targets = {
    f32: () => new Float32Array(24),
    f16: () => new Uint16Array(24),
    u8: () => new Uint8Array(24),
  } satisfies Record<TensorElementType, () => unknown>;
  const pixels = Array.from({ length: 18 }, (_, index) => index * 10);
  for (const type of ['f32', 'f16', 'u8'] as const) {
    for (const layout of ['NCHW', 'NHWC'] satisfies TensorLayout[]) {
      const target = targets[type]();
      normalizeInto(imageOf(pixels, 2, 3, { type, layout }), target, 3);
      for (let pixel = 0; pixel < 6; pixel += 1) {
        for (let channel = 0; channel < 3; channel += 1) {
          const at = 3 + (layout === 'NCHW' ? channel * 6 + pixel : pixel * 3 + channel);
          const raw = target[at]!;
          const element = type === 'f16' ? float16Value(raw) : raw;
          assert.equal(element, pixels[pixel * 3 + channel], `${type} ${layout} ${at}`);
        }
      }
    }
  }
});

test('when the batch is too short or of another type, then it is a bug', () => {
  const image = imageOf([1, 2, 3], 1, 1, {});
  assert.throws(() => normalizeInto(image, new Float32Array(3), 1), /fits into the batch/);
  assert.throws(() => normalizeInto(image, new Uint8Array(3), 0), /element type/);
});
