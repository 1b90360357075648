import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import { readOnnxMetadata } from '../../../shared/model/onnx-metadata.ts';
import { onnxFile, pixelModel } from '../../support/onnx-file.ts';

const URI = 'memory://models/a.onnx';

test('when a model is read, then inputs, outputs, producer and operator set come back', () => {
  const metadata = readOnnxMetadata(pixelModel(), URI);
  assert.deepEqual(metadata, {
    producer: 'sluice-test',
    opset: 13,
    inputs: [{ name: 'image', type: 'f32', dims: ['batch', 3, 4, 4] }],
    outputs: [{ name: 'scores', type: 'f32', dims: ['batch', 10] }],
    hasExternalData: false,
    softmaxOutputs: [],
  });
});

test('when an old exporter lists the weights among the inputs, then they are left out', () => {
  const file = onnxFile({
    inputs: [
      { name: 'data', dims: [1, 3, 8, 8] },
      { name: 'w', dims: [4] },
    ],
    outputs: [{ name: 'y', dims: [1, 4] }],
    weights: [{ name: 'w', type: 'f32', dims: [4], data: new Uint8Array(16) }],
  });
  assert.deepEqual(
    readOnnxMetadata(file, URI).inputs.map((input) => input.name),
    ['data'],
  );
});

test('when a softmax gives the output, also through a reshape, then it is known', () => {
  const graph = {
    inputs: [{ name: 'x', dims: ['n', 3, 8, 8] as const }],
    outputs: [
      { name: 'p', dims: ['n', 4] as const },
      { name: 'q', dims: ['n', 4] as const },
    ],
    nodes: [
      { operator: 'Softmax', inputs: ['z'], outputs: ['s'] },
      { operator: 'Reshape', inputs: ['s', 'shape'], outputs: ['p'] },
      { operator: 'Relu', inputs: ['s'], outputs: ['q'] },
    ],
  };
  assert.deepEqual(readOnnxMetadata(onnxFile(graph), URI).softmaxOutputs, ['p']);
});

test('when weights lie in other files, then it is known', () => {
  const weight = { name: 'w', type: 'f32', dims: [4], data: new Uint8Array(0) } as const;
  const file = onnxFile({
    inputs: [],
    outputs: [],
    weights: [weight, { ...weight, name: 'v', external: true }],
  });
  assert.equal(readOnnxMetadata(file, URI).hasExternalData, true);
});

test('when sizes are free, unnamed or unknown, then the dims say so', () => {
  const file = onnxFile({
    inputs: [
      { name: 'a', dims: ['N', 0, 8] },
      { name: 'b', dims: null },
    ],
    outputs: [],
  });
  assert.deepEqual(
    readOnnxMetadata(file, URI).inputs.map((input) => input.dims),
    [['N', null, 8], null],
  );
});

test('when the weights would be no protobuf, then nothing looks at them', () => {
  const data = new Uint8Array(1024 ** 2).fill(0xff);
  const weight = { name: 'w', type: 'u8', dims: [data.length], data } as const;
  const inputs = [{ name: 'x', dims: [1, 3, 8, 8] }];
  const file = onnxFile({ inputs, outputs: [], weights: [weight] });
  assert.equal(readOnnxMetadata(file, URI).inputs.length, 1);
});

test('when a file is garbage or cut short, then it is MODEL_INVALID and names the file', () => {
  const whole = pixelModel();
  const cases = [
    new Uint8Array(0),
    new TextEncoder().encode('version https://git-lfs.github.com/spec/v1\n'),
    new Uint8Array(1000).fill(0xff),
    whole.subarray(0, whole.length >> 1),
  ];
  for (const file of cases) {
    assert.throws(() => readOnnxMetadata(file, URI), isInvalid);
  }
});

test('property: whatever the bytes, reading ends with metadata or MODEL_INVALID', () => {
  const whole = pixelModel();
  const garbage = fc.uint8Array({ maxLength: 300 });
  const damaged = fc
    .array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 })
    .map((changes) => {
      const file = whole.slice();
      for (const [offset, value] of changes) file[offset] = value;
      return file;
    });
  fc.assert(
    fc.property(fc.oneof(garbage, damaged), (file) => {
      try {
        readOnnxMetadata(file, URI);
      } catch (error) {
        assert.ok(isInvalid(error), String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

function isInvalid(error: unknown): boolean {
  return (
    error instanceof SluiceError && error.code === 'MODEL_INVALID' && error.message.includes(URI)
  );
}
