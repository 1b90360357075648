/** The order of the axes behind the batch axis. */
export type TensorLayout = 'NCHW' | 'NHWC';

/** f32, f16 or unsigned 8-bit elements. */
export type TensorElementType = 'f32' | 'f16' | 'u8';

export type ColorOrder = 'RGB' | 'BGR' | 'GREY';

/**
 * What is still to be done with the pixels: element = (pixel / scale − mean[c]) / std[c], then
 * `type` and `layout`. Done where the batch is assembled, so that a quarter of the bytes cross
 * threads, sockets and PCIe.
 */
export interface PixelNormalization {
  /** Pixels (0 to 255) are divided by this first; 1 or 255. */
  readonly scale: number;
  /** One per channel, in the tensor's channel order. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly layout: TensorLayout;
  readonly type: TensorElementType;
}

/**
 * One decoded, resized and cropped image: `height × width × channels` unsigned bytes, interleaved
 * (HWC), channels already in the wanted order (`color`).
 */
export interface ImageTensor {
  readonly data: Uint8Array<ArrayBuffer>;
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  readonly color: ColorOrder;
  readonly normalization: PixelNormalization;
}
