import { z } from 'zod';
import { sizeSchema } from './common.ts';

/** Pixels → the model's input. Whatever is left out is taken from the model that the node feeds. */
export const preprocessingSchema = z.strictObject({
  resize: z
    .int()
    .min(1)
    .max(8192)
    .optional()
    .describe('length of the shorter side after resizing, in pixels'),
  crop: z
    .union([
      z.int().min(1).max(8192),
      z.tuple([z.int().min(1).max(8192), z.int().min(1).max(8192)]),
    ])
    .optional()
    .describe('centre crop in pixels: a side, or [height, width]'),
  color: z.enum(['RGB', 'BGR', 'GREY']).optional().describe('order of the channels'),
  scale: z
    .number()
    .positive()
    .optional()
    .describe('pixels (0 to 255) are divided by this before mean and std; 1 or 255'),
  mean: z.array(z.number()).min(1).max(3).optional().describe('subtracted, one per channel'),
  std: z
    .array(z.number().refine((value) => value !== 0, 'std must not be 0'))
    .min(1)
    .max(3)
    .optional()
    .describe('divided by, one per channel'),
});

export type PreprocessingOptions = z.output<typeof preprocessingSchema>;

/** `transform: image-tensor`: decode, orient, resize, crop, normalise. */
export const imageTensorSchema = preprocessingSchema.extend({
  layout: z.enum(['NCHW', 'NHWC']).optional().describe('order of the axes'),
  type: z.enum(['f32', 'f16', 'u8']).optional().describe('element type'),
  bytesMax: sizeSchema.default(64 * 1024 ** 2).describe('a longer image is rejected'),
  pixelsMax: z
    .int()
    .min(1)
    .default(100_000_000)
    .describe('an image with more pixels is rejected before it is decoded'),
  formats: z
    .array(z.enum(['jpeg', 'png', 'bmp', 'webp', 'gif', 'tiff', 'avif', 'svg']))
    .min(1)
    .default(['jpeg', 'png', 'bmp', 'webp', 'gif', 'tiff', 'avif'])
    .describe('formats, told by content, that are accepted; SVG only when named'),
  concurrency: z
    .int()
    .min(1)
    .max(256)
    .optional()
    .describe('images that one subtask decodes at a time; default: twice the decoding threads'),
  ordered: z.boolean().default(false).describe('keep the order of the input'),
});

export type ImageTensorOptions = z.output<typeof imageTensorSchema>;
