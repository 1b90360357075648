import type { Preprocessing } from '../../shared/model/model-spec.ts';
import type { ImageLimits } from '../../taskmanager/image/image-header.ts';

export const LIMITS: ImageLimits = {
  bytesMax: 64 * 1024 ** 2,
  pixelsMax: 100_000_000,
  formats: ['jpeg', 'png', 'bmp', 'webp', 'gif', 'tiff', 'avif'],
};

export function preprocessing(overrides: Partial<Preprocessing> = {}): Preprocessing {
  return {
    resize: 256,
    cropHeight: 224,
    cropWidth: 224,
    color: 'RGB',
    scale: 1,
    mean: [127.5, 127.5, 127.5],
    std: [127.5, 127.5, 127.5],
    layout: 'NCHW',
    type: 'f32',
    ...overrides,
  };
}

/** No resize and a crop of the image's own size: the pixels themselves. */
export function asIs(width: number, height: number): Preprocessing {
  return preprocessing({ resize: null, cropHeight: height, cropWidth: width });
}

/** The three bytes of one pixel. */
export function pixelAt(
  image: { readonly data: Uint8Array; readonly width: number },
  x: number,
  y: number,
): number[] {
  const at = (y * image.width + x) * 3;
  return [...image.data.subarray(at, at + 3)];
}
