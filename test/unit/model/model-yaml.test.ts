import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import { parseModelYaml } from '../../../shared/model/model-yaml.ts';

test('when a model.yaml is complete, then everything comes back', () => {
  const text = `
name: street-scenes
version: 2
file: street-scenes.onnx
sha256: ${'ab'.repeat(32)}
input: { name: input, layout: NCHW, type: f32 }
preprocessing: { resize: 110, crop: 96, color: RGB, scale: 1, mean: [1, 2, 3], std: [4, 5, 6] }
output: { name: logits, kind: logits }
labels: labels.txt
`;
  assert.deepEqual(parseModelYaml(text, 'model.yaml'), {
    name: 'street-scenes',
    version: '2',
    file: 'street-scenes.onnx',
    sha256: 'ab'.repeat(32),
    input: { name: 'input', layout: 'NCHW', type: 'f32' },
    preprocessing: {
      resize: 110,
      crop: 96,
      color: 'RGB',
      scale: 1,
      mean: [1, 2, 3],
      std: [4, 5, 6],
    },
    output: { name: 'logits', kind: 'logits' },
    labels: 'labels.txt',
  });
});

const mistakes: readonly { text: string; message: string; hint?: string }[] = [
  {
    text: 'file: a.onnx\npreprocesing: {}\n',
    message: 'm.yaml:2:1: unknown key "preprocesing".',
    hint: 'Did you mean "preprocessing"?',
  },
  { text: 'name: x\n', message: 'm.yaml:1:1: "file" is missing.' },
  { text: 'file: 3\n', message: 'm.yaml:1:7: "file" must be a string.' },
  {
    text: 'file: a.onnx\ninput: { nam: x }\n',
    message: 'm.yaml:2:10: unknown key "input.nam".',
    hint: 'Did you mean "name"?',
  },
  {
    text: 'file: a.onnx\npreprocessing:\n  color: RBG\n',
    message: 'm.yaml:3:10: "preprocessing.color" must be RGB or BGR or GREY.',
    hint: 'Did you mean "RGB"?',
  },
  {
    text: 'file: a.onnx\noutput: { kind: logit }\n',
    message: 'm.yaml:2:17: "output.kind" must be logits or probabilities.',
    hint: 'Did you mean "logits"?',
  },
  {
    text: 'file: a.onnx\noutput: logit\n',
    message: 'm.yaml:2:9: "output" must be logits or probabilities.',
    hint: 'Did you mean "logits"?',
  },
  {
    text: 'file: a.onnx\npreprocessing: { std: [1, 0] }\n',
    message: 'm.yaml:2:27: "preprocessing.std.1": std must not be 0.',
  },
  { text: 'file: a\nfile: b\n', message: 'm.yaml:2:1: Map keys must be unique.' },
  {
    text: '',
    message: 'm.yaml:1:1: this is no model description: it must be a map with a key `file`.',
  },
];

for (const { text, message, hint } of mistakes) {
  test(`when it says ${JSON.stringify(text)}, then the message is: ${message}`, () => {
    assert.throws(
      () => parseModelYaml(text, 'm.yaml'),
      (error: unknown) => {
        assert.ok(error instanceof SluiceError);
        assert.equal(error.code, 'MODEL_INVALID');
        assert.equal(error.message, message);
        assert.equal(error.hint, hint);
        assert.equal(error.context['file'], 'm.yaml');
        return true;
      },
    );
  });
}
