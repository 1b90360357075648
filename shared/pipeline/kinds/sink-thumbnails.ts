import { z } from 'zod';
import { locationSchema, sizeSchema } from './common.ts';

/** `sink: thumbnails`: a small picture of each image, under a key made from the record. */
export const thumbnailsSchema = z.strictObject({
  path: locationSchema.describe('the folder or prefix of the thumbnails'),
  size: z
    .union([
      z.int().min(1).max(4096),
      z.tuple([z.int().min(1).max(4096), z.int().min(1).max(4096)]),
    ])
    .default(128)
    .describe('pixels: a side, or [width, height]'),
  fit: z
    .enum(['cover', 'contain', 'inside'])
    .default('cover')
    .describe('cover: crop to fill; contain: pad; inside: keep the shape, no padding'),
  format: z.enum(['jpeg', 'png', 'webp', 'avif']).default('jpeg').describe('of the thumbnails'),
  quality: z.int().min(1).max(100).default(80).describe('of the encoder; PNG has none'),
  key: z
    .string()
    .min(1)
    .default('{path}.{format}')
    .describe(
      'the name below `path`; {path} (relative to the source), {name}, {etag}, {format} and any ' +
        'field of the record such as {label}',
    ),
  bytesMax: sizeSchema.default(64 * 1024 ** 2).describe('a longer image is rejected'),
  pixelsMax: z
    .int()
    .min(1)
    .default(100_000_000)
    .describe('an image with more pixels is rejected before it is decoded'),
  concurrency: z
    .int()
    .min(1)
    .max(256)
    .default(8)
    .describe('thumbnails that one subtask makes at a time'),
});

export type ThumbnailsOptions = z.output<typeof thumbnailsSchema>;
