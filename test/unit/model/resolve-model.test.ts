import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import { FileSystemRegistry } from '../../../shared/filesystem/filesystem-registry.ts';
import { inspectModel } from '../../../shared/model/inspect.ts';
import { parseModelYaml } from '../../../shared/model/model-yaml.ts';
import { type ModelOptions, resolveModel } from '../../../shared/model/resolve-model.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { type OnnxDescription, onnxFile, pixelModel } from '../../support/onnx-file.ts';

const fileSystems = new FileSystemRegistry({}, { clock: new FakeClock() });
let lastFolder = 0;

/** A folder of its own with these files; gives its URI. */
async function folderWith(files: Readonly<Record<string, Uint8Array | string>>): Promise<string> {
  lastFolder += 1;
  const folder = `memory://models/${lastFolder}`;
  for (const [name, content] of Object.entries(files)) {
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
    await fileSystems.forUri(folder).put(`${folder}/${name}`, bytes);
  }
  return folder;
}

async function resolveFile(file: Uint8Array, options: Partial<ModelOptions> = {}) {
  const folder = await folderWith({ 'a.onnx': file });
  return resolveModel({ onnx: { model: `${folder}/a.onnx`, ...options }, fileSystems });
}

function classifier(
  dims: readonly (number | string)[] | null,
  change: Partial<OnnxDescription> & { type?: 'f32' | 'f16' | 'u8' | 'i64' } = {},
): Uint8Array {
  const { type = 'f32', ...rest } = change;
  return onnxFile({
    inputs: [{ name: 'image', type, dims }],
    outputs: [{ name: 'scores', dims: ['n', 1000] }],
    ...rest,
  });
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

test('when nothing is said, then everything comes from the file, and guesses are reported', async () => {
  const file = classifier(['n', 3, 224, 224]);
  const { model, warnings } = await resolveFile(file);
  assert.equal(model.name, 'a');
  assert.equal(model.version, '1');
  assert.equal(model.sha256, sha256(file));
  assert.deepEqual(model.input, {
    name: 'image',
    layout: 'NCHW',
    type: 'f32',
    batchFixed: null,
    height: 224,
    width: 224,
    channels: 3,
  });
  assert.deepEqual(model.preprocessing, {
    resize: 256,
    cropHeight: 224,
    cropWidth: 224,
    color: 'RGB',
    scale: 255,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
    layout: 'NCHW',
    type: 'f32',
  });
  assert.deepEqual(model.output, { name: 'scores', kind: 'logits', classes: 1000 });
  assert.equal(model.labels, null);
  assert.match(warnings.join(), /ImageNet's mean and std are assumed/);
});

test('when the axes are in the other order, then the layout follows', async () => {
  const { model } = await resolveFile(classifier([1, 128, 96, 3]));
  assert.deepEqual(
    [model.input.layout, model.input.height, model.input.width, model.input.batchFixed],
    ['NHWC', 128, 96, 1],
  );
  assert.equal(model.preprocessing.resize, 146);
});

test('when the model takes one channel, then it is grey from 0 to 255', async () => {
  const { model } = await resolveFile(classifier([1, 1, 28, 28]));
  assert.equal(model.preprocessing.color, 'GREY');
  assert.deepEqual([model.preprocessing.scale, model.preprocessing.mean], [1, [0]]);
});

test('when the model takes bytes, then it gets the pixels as they are, without a warning', async () => {
  const { model, warnings } = await resolveFile(classifier(['n', 8, 8, 3], { type: 'u8' }));
  assert.deepEqual([model.preprocessing.scale, model.preprocessing.std], [1, [1, 1, 1]]);
  assert.deepEqual(warnings, []);
});

test('when sides are free, then a crop says them, or 224 is assumed', async () => {
  const file = classifier(['n', 3, 'h', 'w']);
  const said = await resolveFile(file, { preprocessing: { crop: [96, 128] } });
  assert.deepEqual([said.model.input.height, said.model.input.width], [96, 128]);
  const guessed = await resolveFile(file);
  assert.equal(guessed.model.input.height, 224);
  assert.match(guessed.warnings.join(), /224 pixels are assumed/);
});

test('when the graph ends in a softmax, then the output is probabilities unless said otherwise', async () => {
  const nodes = [{ operator: 'Softmax', inputs: ['z'], outputs: ['scores'] }];
  const file = classifier(['n', 3, 8, 8], { nodes });
  assert.equal((await resolveFile(file)).model.output.kind, 'probabilities');
  assert.equal((await resolveFile(file, { output: 'logits' })).model.output.kind, 'logits');
});

test('when mean has no scale, then its size tells the scale', async () => {
  const file = classifier(['n', 3, 8, 8]);
  const small = await resolveFile(file, { preprocessing: { mean: [0.5], std: [0.5] } });
  assert.deepEqual(
    [small.model.preprocessing.scale, small.model.preprocessing.mean],
    [255, [0.5, 0.5, 0.5]],
  );
  const large = await resolveFile(file, { preprocessing: { mean: [127.5], std: [127.5] } });
  assert.equal(large.model.preprocessing.scale, 1);
});

const YAML = `
name: scenes
version: "7"
file: a.onnx
preprocessing: { color: BGR, scale: 1, mean: [104, 117, 123] }
output: probabilities
labels: names.txt
`;

test('when a model.yaml lies beside the file, then it speaks, and the pipeline overrules it', async () => {
  const labels = Array.from({ length: 1000 }, (_, index) => `label ${index}\n`).join('');
  const onnx = classifier(['n', 3, 224, 224]);
  for (const name of ['model.yaml', 'a.yaml']) {
    const folder = await folderWith({ 'a.onnx': onnx, [name]: YAML, 'names.txt': labels });
    for (const model of [`${folder}/a.onnx`, `${folder}/${name}`]) {
      const options = { model, version: '8', preprocessing: { mean: [1, 2, 3] } };
      const { model: spec, warnings } = await resolveModel({ onnx: options, fileSystems });
      assert.deepEqual([spec.name, spec.version, spec.uri], ['scenes', '8', `${folder}/a.onnx`]);
      assert.deepEqual([spec.preprocessing.color, spec.preprocessing.mean], ['BGR', [1, 2, 3]]);
      assert.equal(spec.output.kind, 'probabilities');
      assert.equal(spec.labels?.[999], 'label 999');
      assert.deepEqual(warnings, []);
    }
  }
});

test('when the model.yaml beside the file names another file, then it says nothing', async () => {
  const file = classifier(['n', 3, 224, 224]);
  const folder = await folderWith({ 'b.onnx': file, 'a.onnx': file, 'model.yaml': YAML });
  const { model } = await resolveModel({ onnx: { model: `${folder}/b.onnx` }, fileSystems });
  assert.equal(model.name, 'b');
});

test('when labels carry synset ids, then they are cut off', async () => {
  const text = Array.from({ length: 1000 }, (_, index) => `n0${1440764 + index} fish ${index}\r\n`);
  const folder = await folderWith({
    'a.onnx': classifier(['n', 3, 8, 8]),
    'synset.txt': `${text.join('')}\n`,
  });
  const onnx = { model: `${folder}/a.onnx`, labels: `${folder}/synset.txt` };
  const { model } = await resolveModel({ onnx, fileSystems });
  assert.equal(model.labels?.[1], 'fish 1');
});

interface Mistake {
  readonly name: string;
  readonly file?: Uint8Array;
  readonly options?: Partial<ModelOptions>;
  readonly code: string;
  readonly message: RegExp;
  readonly hint?: RegExp;
}

const image = classifier(['n', 3, 224, 224]);
const mistakes: readonly Mistake[] = [
  {
    name: 'the file is no model',
    file: new TextEncoder().encode('hello'),
    code: 'MODEL_INVALID',
    message: /no ONNX file/,
  },
  {
    name: 'the checksum differs',
    options: { sha256: 'ab'.repeat(32) },
    code: 'MODEL_CHECKSUM',
    message: /not abababab/,
  },
  {
    name: 'weights lie in other files',
    file: classifier(['n', 3, 8, 8], {
      weights: [{ name: 'w', type: 'f32', dims: [1], data: new Uint8Array(0), external: true }],
    }),
    code: 'MODEL_INVALID',
    message: /weights in other files/,
  },
  {
    name: 'two inputs',
    file: onnxFile({
      inputs: [
        { name: 'ids', type: 'i64', dims: ['n', 128] },
        { name: 'mask', type: 'i64', dims: ['n', 128] },
      ],
      outputs: [{ name: 'y', dims: ['n', 2] }],
    }),
    code: 'MODEL_MISMATCH',
    message: /wants 2 inputs \(ids i64\[n, 128\]; mask i64\[n, 128\]\)/,
  },
  {
    name: 'no such input',
    options: { input: { name: 'img' } },
    code: 'MODEL_MISMATCH',
    message: /no input "img"; its inputs: image f32\[n, 3, 224, 224\]/,
  },
  {
    name: 'text input',
    file: classifier(['n', 3, 8, 8], { type: 'i64' }),
    code: 'MODEL_MISMATCH',
    message: /is i64; an image is given as f32, f16, u8/,
  },
  {
    name: 'another element type',
    options: { input: { type: 'u8' } },
    code: 'MODEL_MISMATCH',
    message: /is f32, not u8/,
  },
  {
    name: 'not four axes',
    file: classifier(['n', 784]),
    code: 'MODEL_MISMATCH',
    message: /has 2 axes, an image has 4/,
  },
  {
    name: 'no channel axis',
    file: classifier(['n', 16, 8, 8]),
    code: 'MODEL_MISMATCH',
    message: /is no image/,
  },
  {
    name: 'the layout contradicts',
    options: { input: { layout: 'NHWC' } },
    code: 'MODEL_MISMATCH',
    message: /cannot be NHWC/,
    hint: /NCHW/,
  },
  {
    name: 'grey for three channels',
    options: { preprocessing: { color: 'GREY' } },
    code: 'MODEL_MISMATCH',
    message: /`color: GREY` gives 1 channels, its input "image" takes 3/,
  },
  {
    name: 'mean of two channels',
    options: { preprocessing: { mean: [1, 2] } },
    code: 'MODEL_MISMATCH',
    message: /`mean` has 2 numbers, the image has 3 channels/,
  },
  {
    name: 'std of two channels',
    options: { preprocessing: { std: [1, 2] } },
    code: 'MODEL_MISMATCH',
    message: /`std` has 2 numbers/,
  },
  {
    name: 'another crop',
    options: { preprocessing: { crop: 96 } },
    code: 'MODEL_MISMATCH',
    message: /`crop` gives 96×96 pixels, its input "image" takes 224×224/,
  },
  {
    name: 'resized below the crop',
    options: { preprocessing: { resize: 100 } },
    code: 'MODEL_MISMATCH',
    message: /`resize: 100` is less than the crop of 224×224/,
  },
  {
    name: 'no such output',
    options: { output: { name: 'y' } },
    code: 'MODEL_MISMATCH',
    message: /no output "y"; its outputs: scores f32\[n, 1000\]/,
  },
  {
    name: 'several outputs that could be it',
    file: classifier(['n', 3, 8, 8], {
      outputs: [
        { name: 'a', dims: ['n', 10] },
        { name: 'b', dims: ['n', 10] },
      ],
    }),
    code: 'MODEL_MISMATCH',
    message: /has 2 outputs: a f32\[n, 10\]; b f32\[n, 10\]/,
    hint: /output: \{ name/,
  },
  {
    name: 'a feature map',
    file: classifier(['n', 3, 8, 8], { outputs: [{ name: 'map', dims: ['n', 64, 7, 7] }] }),
    code: 'MODEL_MISMATCH',
    message: /not one score per class/,
  },
  {
    name: 'integers as scores',
    file: classifier(['n', 3, 8, 8], {
      outputs: [{ name: 'best', type: 'i64', dims: ['n', 1] }],
    }),
    code: 'MODEL_MISMATCH',
    message: /is i64; scores are/,
  },
  {
    name: 'too few labels',
    options: { labels: ['a', 'b'] },
    code: 'LABELS_MISMATCH',
    message: /has 1000 classes, but there are 2 labels/,
    hint: /Give 1000 labels/,
  },
  {
    name: 'a background class without a label',
    options: { labels: Array<string>(999).fill('x') },
    code: 'LABELS_MISMATCH',
    message: /1000 classes, but there are 999 labels/,
    hint: /background/,
  },
  {
    name: 'a label for a background class that is not there',
    options: { labels: ['background', ...Array<string>(1000).fill('x')] },
    code: 'LABELS_MISMATCH',
    message: /1000 classes, but there are 1001 labels/,
    hint: /the first is "background"/,
  },
  {
    name: 'no labels file',
    options: { labels: 'memory://models/nowhere.txt' },
    code: 'FILE_NOT_FOUND',
    message: /no labels file at memory:\/\/models\/nowhere.txt/,
  },
];

for (const { name, file = image, options, code, message, hint } of mistakes) {
  test(`when ${name}, then it is ${code}`, async () => {
    await assert.rejects(resolveFile(file, options), (error: unknown) => {
      assert.ok(error instanceof SluiceError, String(error));
      assert.equal(error.code, code);
      assert.match(error.message, message);
      if (hint !== undefined) assert.match(error.hint ?? '', hint);
      assert.equal(error.domain, 'user');
      return true;
    });
  });
}

test('when there is no such file, then similar names in its folder are offered', async () => {
  const folder = await folderWith({ 'resnet18.onnx': image, 'notes.txt': '', 'sub/x.onnx': image });
  const onnx = { model: `${folder}/resnet8.onnx` };
  await assert.rejects(resolveModel({ onnx, fileSystems }), (error: unknown) => {
    assert.ok(error instanceof SluiceError);
    assert.equal(error.code, 'MODEL_NOT_FOUND');
    assert.equal(error.hint, 'In the same folder: resnet18.onnx.');
    return true;
  });
});

test('when a model is inspected, then its template is a model.yaml that gives the same model', async () => {
  const folder = await folderWith({ 'pixel.onnx': pixelModel() });
  const uri = `${folder}/pixel.onnx`;
  const inspection = await inspectModel(uri, fileSystems);
  assert.equal(inspection.problem, null);
  assert.deepEqual(inspection.inputs, [{ name: 'image', type: 'f32', shape: '[batch, 3, 4, 4]' }]);
  assert.ok(inspection.template !== null && inspection.model !== null);
  assert.equal(parseModelYaml(inspection.template, 'model.yaml').file, 'pixel.onnx');
  await fileSystems
    .forUri(folder)
    .put(`${folder}/model.yaml`, new TextEncoder().encode(inspection.template));
  const { model, warnings } = await resolveModel({
    onnx: { model: `${folder}/model.yaml` },
    fileSystems,
  });
  assert.deepEqual(model, inspection.model);
  assert.deepEqual(warnings, []);
});

test('when a model that does not fit is inspected, then its shapes and the reason are told', async () => {
  const file = classifier(['n', 784]);
  const folder = await folderWith({ 'a.onnx': file });
  const inspection = await inspectModel(`${folder}/a.onnx`, fileSystems);
  assert.equal(inspection.problem?.code, 'MODEL_MISMATCH');
  assert.equal(inspection.inputs[0]?.shape, '[n, 784]');
  assert.equal(inspection.template, null);
});
