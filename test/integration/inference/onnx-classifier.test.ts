import assert from 'node:assert/strict';
import { test } from 'node:test';
import sharp from 'sharp';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import type { CompiledImageTensorOptions } from '../../../shared/job-graph/compiled-options.ts';
import type { ModelSpec } from '../../../shared/model/model-spec.ts';
import type { ImageTensor } from '../../../shared/record/image-tensor.ts';
import { StreamRecord } from '../../../shared/record/stream-record.ts';
import type { InferenceClient } from '../../../taskmanager/inference/inference-client.ts';
import { OnnxClassifier } from '../../../taskmanager/operators/onnx/onnx-classifier.ts';
import type { OperatorContext } from '../../../taskmanager/operators/operator-context.ts';
import { eventually } from '../../support/eventually.ts';
import { pixelModel } from '../../support/onnx-file.ts';
import { harnessContext } from '../../support/operator-harness.ts';
import { imageOf, startInference } from './inference-harness.ts';

const LABELS = Array.from({ length: 10 }, (_, index) => `value ${index}`);

function optionsFor(model: ModelSpec) {
  return { model, decoding: null, topK: 3, batch: { sizeMax: 8, delayMax: 5 }, ordered: false };
}

function contextWith(inference: InferenceClient): OperatorContext {
  const context = harnessContext(() => assert.fail('nothing is rejected by the operator itself'));
  return Object.defineProperty(context, 'inference', { value: inference });
}

function recordWith(tensor: ImageTensor | null): StreamRecord {
  const source = { uri: 'file:///a.jpg', etag: '1' };
  return new StreamRecord({ uri: source.uri, width: 4 }, 1, 2, source, new Uint8Array(1), tensor);
}

test('when a record carries an image, then the result holds its classes and no tensor', async (t) => {
  const { connect, model, service } = await startInference(t);
  const spec = await model(pixelModel(), { labels: LABELS, name: 'pixels', version: '3' });
  const context = contextWith(connect().client);
  const classifier = new OnnxClassifier(optionsFor(spec), 'cpu');
  await classifier.open(context);
  assert.equal(classifier.ordered, false);
  assert.ok(classifier.concurrency >= 16);
  const [result] = await classifier.invoke(recordWith(imageOf(7, spec)));
  assert.ok(result !== undefined);
  assert.equal(result.tensor, null);
  assert.notEqual(result.bytes, null);
  const { topK, score, ...rest } = result.value;
  assert.deepEqual(rest, {
    uri: 'file:///a.jpg',
    width: 4,
    label: 'value 7',
    index: 7,
    model: { name: 'pixels', version: '3' },
  });
  const best = topK as { label: string; index: number; score: number }[];
  assert.deepEqual(
    best.map(({ label, index }) => [label, index]),
    [
      ['value 7', 7],
      ['value 0', 0],
      ['value 1', 1],
    ],
  );
  assert.equal(best[0]?.score, score);
  await classifier.close();
  await eventually(() => service.stats()[0]?.modelsLoaded === 0);
});

test('when a model has no labels, then the label is null and the index stands', async (t) => {
  const { connect, model } = await startInference(t);
  const spec = await model(pixelModel());
  const classifier = new OnnxClassifier({ ...optionsFor(spec), concurrency: 5 }, 'cpu');
  await classifier.open(contextWith(connect().client));
  assert.equal(classifier.concurrency, 5);
  const [result] = await classifier.invoke(recordWith(imageOf(2, spec)));
  assert.deepEqual([result?.value['label'], result?.value['index']], [null, 2]);
});

test('when a record carries no image, then it is RECORD_INVALID and says what to add', async (t) => {
  const { connect, model } = await startInference(t);
  const spec = await model(pixelModel());
  const classifier = new OnnxClassifier(optionsFor(spec), 'cpu');
  await classifier.open(contextWith(connect().client));
  await assert.rejects(classifier.invoke(recordWith(null)), (error: unknown) => {
    assert.ok(error instanceof SluiceError);
    assert.equal(error.code, 'RECORD_INVALID');
    assert.match(error.hint ?? '', /image-tensor/);
    return true;
  });
});

test('when a snapshot keeps a record, then its image is left out and decoded again', async (t) => {
  const { connect, model } = await startInference(t);
  const spec = await model(pixelModel());
  const { layout, type } = spec.input;
  const size = { resize: null, cropHeight: 4, cropWidth: 4 };
  const pixels = { scale: 1, mean: [0, 0, 0], std: [1, 1, 1], color: 'RGB', layout, type } as const;
  const decoding: CompiledImageTensorOptions = {
    bytesMax: 1000,
    pixelsMax: 1000,
    formats: ['png'],
    ordered: false,
    preprocessing: { ...size, ...pixels },
  };
  const classifier = new OnnxClassifier({ ...optionsFor(spec), decoding }, 'cpu');
  await classifier.open(contextWith(connect().client));
  const create = { width: 4, height: 4, channels: 3, background: '#070707' } as const;
  const bytes = await sharp({ create }).png().toBuffer();
  const source = { uri: 'file:///a.png', etag: '1' };
  const record = new StreamRecord({}, 1, 2, source, bytes, imageOf(7, spec));
  const stored = classifier.inputToStore(record);
  assert.equal(stored.tensor, null);
  const [again] = await classifier.invoke(stored);
  assert.deepEqual(again?.value, (await classifier.invoke(record))[0]?.value);
  assert.equal(again?.value['index'], 7);

  const ofNoObject = new StreamRecord({}, 1, 2, null, null, imageOf(7, spec));
  assert.equal(classifier.inputToStore(ofNoObject), ofNoObject);
  const unknown = new OnnxClassifier(optionsFor(spec), 'cpu');
  assert.equal(unknown.inputToStore(record), record);
});

test('when a GPU slot runs on a machine without one, then the CPU provider backs it', async (t) => {
  const { connect, model, service } = await startInference(t, { gpuExecutionProvider: 'cpu' });
  const spec = await model(pixelModel());
  const classifier = new OnnxClassifier(optionsFor(spec), 'gpu');
  await classifier.open(contextWith(connect().client));
  const [result] = await classifier.invoke(recordWith(imageOf(3, spec)));
  assert.equal(result?.value['index'], 3);
  assert.deepEqual(
    service
      .stats()
      .map(({ device, executionProvider, images }) => [device, executionProvider, images]),
    [['gpu', 'cpu', 1]],
  );
});

test('when the GPU provider is not there, then loading says so', async (t) => {
  const { connect, model } = await startInference(t, { gpuExecutionProvider: 'cuda' });
  const spec = await model(pixelModel());
  const classifier = new OnnxClassifier(optionsFor(spec), 'gpu');
  await assert.rejects(classifier.open(contextWith(connect().client)), (error: unknown) => {
    assert.ok(error instanceof SluiceError);
    assert.equal(error.code, 'RESOURCE_UNAVAILABLE', error.message);
    assert.match(error.message, /ONNX Runtime cannot use "cuda" on this machine/);
    return true;
  });
});
