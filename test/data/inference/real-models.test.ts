import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import sharp from 'sharp';
import type { ModelSpec } from '../../../shared/model/model-spec.ts';
import { resolveModel } from '../../../shared/model/resolve-model.ts';
import type { ImageTensor } from '../../../shared/record/image-tensor.ts';
import { LOAD_OPTIONS, startInference } from '../../integration/inference/inference-harness.ts';
import { describeModel } from '../../support/model-files.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { DATA } from '../../support/test-data.ts';

const PHOTOGRAPHS = join(DATA, 'imagenet-150');
const names = readdirSync(PHOTOGRAPHS).sort();

type Reference = Record<string, Record<string, { top5: [number, number][] }>>;
const reference = JSON.parse(
  readFileSync(join(DATA, 'imagenet-150.reference.json'), 'utf8'),
) as Reference;

/** Deliberately plain: apart from the project's own decoding. */
async function plainTensor(path: string, model: ModelSpec): Promise<ImageTensor> {
  const { resize, cropHeight, cropWidth, color, ...normalization } = model.preprocessing;
  const { data, info } = await sharp(path, { ignoreIcc: true })
    .rotate()
    .toColourspace(color === 'GREY' ? 'b-w' : 'srgb')
    .resize({
      width: resize ?? cropWidth,
      height: resize ?? cropHeight,
      fit: 'outside',
      // The reference was computed with an antialiased bilinear filter.
      kernel: 'linear',
    })
    .removeAlpha()
    .raw()
    .toBuffer({ resolveWithObject: true });
  const left = Math.floor((info.width - cropWidth) / 2);
  const top = Math.floor((info.height - cropHeight) / 2);
  const { channels } = model.input;
  const pixels = new Uint8Array(cropHeight * cropWidth * channels);
  for (let y = 0; y < cropHeight; y += 1) {
    for (let x = 0; x < cropWidth; x += 1) {
      for (let channel = 0; channel < channels; channel += 1) {
        const from = color === 'BGR' ? channels - 1 - channel : channel;
        // A grey photograph comes with one channel, which stands for all three.
        const place = Math.min(from, info.channels - 1);
        const source = ((top + y) * info.width + left + x) * info.channels + place;
        pixels[(y * cropWidth + x) * channels + channel] = data[source] ?? 0;
      }
    }
  }
  const { scale, mean, std, layout, type } = normalization;
  return {
    data: pixels,
    height: cropHeight,
    width: cropWidth,
    channels,
    color,
    normalization: { scale, mean, std, layout, type },
  };
}

/** Top-1 class index of each photograph. */
async function classifyAll(t: TestContext, modelName: string): Promise<Map<string, number>> {
  const { connect, fileSystems } = await startInference(t);
  const uri = `file://${describeModel(temporaryFolder(t), modelName)}`;
  const { model, warnings } = await resolveModel({ onnx: { model: uri }, fileSystems });
  assert.deepEqual(warnings, []);
  const loaded = await connect().client.load(model, LOAD_OPTIONS);
  const classes = new Map<string, number>();
  const rest = names.values();
  const classifyRest = async () => {
    for (const name of rest) {
      const result = await loaded.infer(await plainTensor(join(PHOTOGRAPHS, name), model));
      classes.set(name, result.indices[0] ?? -1);
    }
  };
  await Promise.all(Array.from({ length: loaded.concurrencySuggested }, classifyRest));
  return classes;
}

for (const [modelName, referenceName] of [
  ['mobilenetv2', 'mobilenetv2_fp32'],
  ['mobilenetv2-u8', 'mobilenetv2_u8qdq'],
  ['mobilenetv1-025-128', 'mobilenetv1_0.25_128'],
] as const) {
  test(`when ${modelName} classifies the photographs, then it agrees with the reference`, async (t) => {
    const classes = await classifyAll(t, modelName);
    assert.equal(classes.size, 150);
    const expected = reference[referenceName] ?? {};
    const agreeing = names.filter((name) => classes.get(name) === expected[name]?.top5[0]?.[0]);
    // The smallest network is the least sure of itself: another resizer changes more answers.
    const share = modelName.startsWith('mobilenetv1') ? 0.93 : 0.97;
    t.diagnostic(`${agreeing.length} of 150 agree`);
    assert.ok(agreeing.length >= 150 * share, `${agreeing.length} of 150 agree`);
  });
}

test('when squeezenet (half precision, batch of 1) classifies the photographs, then most are right', async (t) => {
  const classes = await classifyAll(t, 'squeezenet11-fp16-batch1');
  const truth = readFileSync(join(DATA, 'imagenet-150.csv'), 'utf8').trim().split('\n').slice(1);
  const right = truth.filter((line) => {
    const [name = '', index = ''] = line.split(',');
    return classes.get(name) === Number(index);
  });
  t.diagnostic(`${right.length} of 150 are right`);
  // Its published top-1 accuracy on ImageNet is 58 %.
  assert.ok(right.length >= 75, `${right.length} of 150 are right`);
});

test('when mnist sees a drawn digit, then it reads it', async (t) => {
  const { connect, fileSystems } = await startInference(t);
  const folder = temporaryFolder(t);
  const uri = `file://${describeModel(folder, 'mnist-8')}`;
  const { model } = await resolveModel({ onnx: { model: uri }, fileSystems });
  const loaded = await connect().client.load(model, LOAD_OPTIONS);
  const strokes: Readonly<Record<string, string>> = {
    '0': '<ellipse cx="14" cy="14" rx="6" ry="8"/>',
    '1': '<path d="M14 5 V23"/>',
    '7': '<path d="M8 6 H20 L12 23"/>',
  };
  for (const [digit, stroke] of Object.entries(strokes)) {
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="28" height="28"><rect width="28" height="28"/><g fill="none" stroke="white" stroke-width="2.5">${stroke}</g></svg>`;
    const path = join(folder, `${digit}.png`);
    await sharp(Buffer.from(svg)).png().toFile(path);
    const result = await loaded.infer(await plainTensor(path, model));
    assert.equal(String(result.indices[0]), digit);
    assert.ok((result.scores[0] ?? 0) > 0.5);
  }
});

for (const modelName of ['bench-resnet18-int8-random', 'bench-resnet101-int8-random']) {
  test(`when ${modelName} has nothing beside it, then guesses make it run`, async (t) => {
    const { connect, fileSystems } = await startInference(t);
    const uri = `file://${join(DATA, 'models', `${modelName}.onnx`)}`;
    const { model, warnings } = await resolveModel({ onnx: { model: uri }, fileSystems });
    assert.equal(warnings.length, 1);
    const loaded = await connect().client.load(model, LOAD_OPTIONS);
    const results = await Promise.all(
      names.slice(0, 12).map(async (name) => {
        return loaded.infer(await plainTensor(join(PHOTOGRAPHS, name), model));
      }),
    );
    for (const { scores } of results) assert.ok(scores.every((score) => score >= 0 && score <= 1));
  });
}
