import { z } from 'zod';
import { durationSchema, locationSchema } from './common.ts';
import { preprocessingSchema } from './transform-image-tensor.ts';

/** `transform: onnx`: classify with an ONNX model of one image-like input. */
export const onnxSchema = z.strictObject({
  model: locationSchema.describe(
    'an .onnx file, or a model.yaml that names one; a model.yaml beside the file is read too',
  ),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/, '64 hexadecimal digits')
    .optional()
    .describe('checksum of the model file; refused where it differs'),
  name: z.string().min(1).optional().describe('name in the results; default: from the file'),
  version: z.string().min(1).optional().describe('version in the results; default: "1"'),
  input: z
    .strictObject({
      name: z.string().optional().describe('of the input'),
      layout: z.enum(['NCHW', 'NHWC']).optional().describe('order of the axes'),
      type: z.enum(['f32', 'f16', 'u8']).optional().describe('element type'),
    })
    .optional()
    .describe("the model's input, where it cannot be read from the file"),
  preprocessing: preprocessingSchema
    .optional()
    .describe('what the image-tensor node in front does, where the model.yaml does not say'),
  output: z
    .union([
      z.enum(['logits', 'probabilities']),
      z.strictObject({
        name: z.string().optional().describe('of the output with the scores'),
        kind: z.enum(['logits', 'probabilities']).optional().describe('what it gives'),
      }),
    ])
    .optional()
    .describe(
      'what the model gives; logits get a softmax. Default: from the model.yaml, else what the graph ends in',
    ),
  labels: z
    .union([locationSchema, z.array(z.string()).min(1)])
    .optional()
    .describe('a file with a label a line, or the labels, in index order'),
  topK: z.int().min(1).max(1000).default(5).describe('classes in the result'),
  batch: z
    .strictObject({
      sizeMax: z.int().min(1).max(1024).default(8).describe('images in a batch'),
      delayMax: durationSchema.default(5).describe('the longest that an image waits for others'),
    })
    .prefault({})
    .describe('batching over all slots of a task manager'),
  concurrency: z
    .int()
    .min(1)
    .max(4096)
    .optional()
    .describe('images that one subtask has in flight; default: enough to keep executors busy'),
  ordered: z.boolean().default(false).describe('keep the order of the input'),
});

export type OnnxOptions = z.output<typeof onnxSchema>;
