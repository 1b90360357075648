/**
 * Models without files: the name of the file says what it is. `model.onnx` takes 224×224 RGB,
 * `bgr.onnx` the same as BGR, `missing.onnx` is not there, `guessed.onnx` gives a warning,
 * `unlabelled.onnx` has no labels; two labels never fit.
 */
import { SluiceError } from '../../shared/errors/sluice-error.ts';
import type { ResolvedModel } from '../../shared/job-graph/resolve-models.ts';
import type { Preprocessing } from '../../shared/model/model-spec.ts';
import type { OnnxOptions } from '../../shared/pipeline/kinds/transform-onnx.ts';

const PREPROCESSING: Preprocessing = {
  resize: 256,
  cropHeight: 224,
  cropWidth: 224,
  color: 'RGB',
  scale: 255,
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
  layout: 'NCHW',
  type: 'f32',
};

export async function resolveFakeModel(options: OnnxOptions): Promise<ResolvedModel> {
  const file = options.model.slice(options.model.lastIndexOf('/') + 1);
  if (file === 'missing.onnx') {
    throw new SluiceError('MODEL_NOT_FOUND', `there is no model at ${options.model}`, {
      domain: 'user',
    });
  }
  if (Array.isArray(options.labels) && options.labels.length === 2) {
    throw new SluiceError('LABELS_MISMATCH', '2 labels for 1000 classes', { domain: 'user' });
  }
  return {
    model: {
      name: file.replace('.onnx', ''),
      version: '1',
      uri: options.model,
      sha256: '0'.repeat(64),
      input: {
        name: 'input',
        layout: 'NCHW',
        type: 'f32',
        batchFixed: null,
        height: 224,
        width: 224,
        channels: 3,
      },
      preprocessing: file === 'bgr.onnx' ? { ...PREPROCESSING, color: 'BGR' } : PREPROCESSING,
      output: { name: 'output', kind: 'logits', classes: 1000 },
      labels: file === 'unlabelled.onnx' ? null : ['traffic light', 'stop sign'],
    },
    warnings: file === 'guessed.onnx' ? ['the preprocessing is guessed'] : [],
  };
}
