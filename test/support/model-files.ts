import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DATA } from './test-data.ts';

/** How each of the real models wants its images, as its makers say; in model.yaml's words. */
const DESCRIPTIONS: Readonly<Record<string, string>> = {
  mobilenetv2: tensorflow(224, 256, 'logits'),
  'mobilenetv2-u8': tensorflow(224, 256, 'logits'),
  'mobilenetv1-025-128': tensorflow(128, 146, 'logits'),
  'squeezenet11-fp16-batch1': `input: { name: data_0, layout: NCHW, type: f16 }
preprocessing: { resize: 256, crop: 224, color: BGR, scale: 1, mean: [104, 117, 123], std: [1, 1, 1] }
output: { name: softmaxout_1, kind: probabilities }
labels: labels.txt
`,
  'mnist-8': `input: { name: Input3, layout: NCHW, type: f32 }
preprocessing: { resize: 28, crop: 28, color: GREY, scale: 1, mean: [0], std: [1] }
output: { name: Plus214_Output_0, kind: logits }
labels: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']
`,
};

function tensorflow(crop: number, resize: number, output: string): string {
  return `input: { name: input, layout: NCHW, type: f32 }
preprocessing:
  { resize: ${resize}, crop: ${crop}, color: RGB, scale: 1, mean: [127.5, 127.5, 127.5], std: [127.5, 127.5, 127.5] }
output: { name: ${output}, kind: logits }
labels: labels.txt
`;
}

/** Puts a model.yaml beside links to the model and its labels; gives the path of the model.yaml. */
export function describeModel(folder: string, name: string): string {
  const target = join(folder, 'models', name);
  mkdirSync(target, { recursive: true });
  symlinkSync(join(DATA, 'models', `${name}.onnx`), join(target, `${name}.onnx`));
  symlinkSync(join(DATA, 'labels', 'imagenet_labels_1000.txt'), join(target, 'labels.txt'));
  const head = `name: ${name}\nversion: "1"\nfile: ${name}.onnx\n`;
  writeFileSync(join(target, 'model.yaml'), head + (DESCRIPTIONS[name] ?? ''));
  return join(target, 'model.yaml');
}
