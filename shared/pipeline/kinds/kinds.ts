import type { z } from 'zod';
import { blackholeSchema } from './sink-blackhole.ts';
import { filesSinkSchema } from './sink-files.ts';
import { printSchema } from './sink-print.ts';
import { thumbnailsSchema } from './sink-thumbnails.ts';
import { datagenSourceSchema } from './source-datagen.ts';
import { filesSourceSchema } from './source-files.ts';
import { countSchema } from './transform-count.ts';
import { filterSchema } from './transform-filter.ts';
import { imageTensorSchema } from './transform-image-tensor.ts';
import { mapSchema } from './transform-map.ts';
import { onnxSchema } from './transform-onnx.ts';

export type NodeCategory = 'source' | 'transform' | 'sink';

/** Every kind of node there is, with the schema of its own options. */
export const KINDS = {
  source: { files: filesSourceSchema, datagen: datagenSourceSchema },
  transform: {
    'image-tensor': imageTensorSchema,
    onnx: onnxSchema,
    filter: filterSchema,
    map: mapSchema,
    count: countSchema,
  },
  sink: {
    files: filesSinkSchema,
    thumbnails: thumbnailsSchema,
    print: printSchema,
    blackhole: blackholeSchema,
  },
} as const satisfies Record<NodeCategory, Record<string, z.ZodType>>;
