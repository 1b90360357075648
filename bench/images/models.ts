import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RawModel } from './raw-executor.ts';

export interface BenchModel {
  readonly name: string;
  readonly raw: RawModel;
  readonly resize: number;
}

const inception = { scale: 1, mean: [127.5, 127.5, 127.5], std: [127.5, 127.5, 127.5] };
const imagenet = { scale: 255, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

interface Entry {
  readonly output: string;
  readonly normalization: typeof inception;
}

const MODELS: Readonly<Record<string, Entry>> = {
  'mobilenetv2-u8': { output: 'logits', normalization: inception },
  mobilenetv2: { output: 'logits', normalization: inception },
  'bench-resnet18-int8-random': { output: 'output', normalization: imagenet },
  'bench-resnet101-int8-random': { output: 'output', normalization: imagenet },
};

export const MODEL_NAMES = Object.keys(MODELS);

export function benchModel(name: string, dataFolder: string, batchMax: number): BenchModel {
  const entry = MODELS[name];
  if (entry === undefined) {
    throw new Error(`unknown model ${name}; there are ${MODEL_NAMES.join(', ')}`);
  }
  return {
    name,
    resize: 256,
    raw: {
      file: join(dataFolder, 'models', `${name}.onnx`),
      input: 'input',
      output: entry.output,
      crop: 224,
      batchMax,
      ...entry.normalization,
    },
  };
}

/** The engine gets the model's description as users give it: in a file beside a link to the model. */
function modelYaml(model: BenchModel): string {
  const { scale, mean, std, crop, input, output } = model.raw;
  const preprocessing = { resize: model.resize, crop, color: 'RGB', scale, mean, std };
  return JSON.stringify({
    name: model.name,
    version: '1',
    file: `${model.name}.onnx`,
    input: { name: input, layout: 'NCHW', type: 'f32' },
    preprocessing,
    output: { name: output, kind: 'logits' },
  });
}

/** Puts the model's description beside a link to the model; gives its path. */
export function writeModel(model: BenchModel, work: string): string {
  const folder = join(work, 'models', model.name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'model.yaml'), modelYaml(model));
  try {
    symlinkSync(model.raw.file, join(folder, `${model.name}.onnx`));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return join(folder, 'model.yaml');
}
