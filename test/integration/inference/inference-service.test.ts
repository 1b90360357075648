import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { SluiceError } from '../../../shared/errors/sluice-error.ts';
import { eventually } from '../../support/eventually.ts';
import { PIXEL_MODEL, pixelModel } from '../../support/onnx-file.ts';
import { imageOf, LOAD_OPTIONS, startInference } from './inference-harness.ts';

function hasCode(code: string, message = /./) {
  return (error: unknown) => {
    assert.ok(error instanceof SluiceError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  };
}

for (const type of ['f32', 'f16', 'u8'] as const) {
  test(`when images are given as ${type}, then each gets its own class`, async (t) => {
    const { connect, model } = await startInference(t);
    const spec = await model(pixelModel({ type }));
    const loaded = await connect().client.load(spec, LOAD_OPTIONS);
    assert.equal(loaded.executionProvider, 'cpu');
    const values = Array.from({ length: 200 }, (_, index) => index % PIXEL_MODEL.nanValue);
    const results = await Promise.all(values.map((value) => loaded.infer(imageOf(value, spec))));
    assert.deepEqual(
      results.map((result) => result.indices[0]),
      values,
    );
    const [first] = results;
    assert.equal(first?.scores.length, 3);
    // softmax of 10 against nine zeros
    assert.ok(Math.abs((first?.scores[0] ?? 0) - Math.exp(10) / (Math.exp(10) + 9)) < 1e-6);
    assert.ok((first?.latencyMs ?? 0) > 0);
    await loaded.release();
  });
}

test('when two slots send at once, then their images share batches', async (t) => {
  const { connect, model, service } = await startInference(t, { executors: 1 });
  const spec = await model(pixelModel());
  const slots = [connect(), connect()];
  const models = await Promise.all(slots.map((slot) => slot.client.load(spec, LOAD_OPTIONS)));
  // Each slot has one image in flight: a batch above one holds images of both.
  const counts = await Promise.all(
    models.map(async (loaded, slot) => {
      let batched = 0;
      for (let round = 0; round < 200; round += 1) {
        const result = await loaded.infer(imageOf(slot, spec));
        assert.equal(result.indices[0], slot);
        if (result.batchSize > 1) batched += 1;
      }
      return batched;
    }),
  );
  assert.ok(
    counts.every((batched) => batched > 0),
    String(counts),
  );
  const [stats] = service.stats();
  assert.equal(stats?.images, 400);
  assert.equal(stats?.modelsLoaded, 1);
  assert.ok((stats?.runs ?? 400) < 400);
});

test('when many images are in flight, then batches fill up and none exceeds the limit', async (t) => {
  const { connect, model, service } = await startInference(t);
  const spec = await model(pixelModel());
  const loaded = await connect().client.load(spec, { ...LOAD_OPTIONS, batchSizeMax: 6 });
  const results = await Promise.all(
    Array.from({ length: 300 }, () => loaded.infer(imageOf(1, spec))),
  );
  const sizes = results.map((result) => result.batchSize);
  assert.equal(Math.max(...sizes), 6);
  const runs = service.stats()[0]?.batchSizes ?? [];
  assert.equal(
    runs.filter((bucket) => bucket.sizeMax > 8).reduce((sum, bucket) => sum + bucket.runs, 0),
    0,
  );
});

for (const batch of [1, 4]) {
  test(`when the file fixes the batch at ${batch}, then any number of images works`, async (t) => {
    const { connect, model } = await startInference(t);
    const spec = await model(pixelModel({ batch }));
    assert.equal(spec.input.batchFixed, batch);
    const loaded = await connect().client.load(spec, LOAD_OPTIONS);
    const values = Array.from({ length: 41 }, (_, index) => index % PIXEL_MODEL.nanValue);
    const results = await Promise.all(values.map((value) => loaded.infer(imageOf(value, spec))));
    assert.deepEqual(
      results.map((result) => result.indices[0]),
      values,
    );
    assert.ok(results.every((result) => result.batchSize <= batch));
  });
}

test('when one image of a batch fails, then only it fails', async (t) => {
  const { connect, model, service } = await startInference(t, { executors: 1 });
  const spec = await model(pixelModel());
  const loaded = await connect().client.load(spec, LOAD_OPTIONS);
  const values = Array.from({ length: 64 }, (_, index) => (index % 8 === 5 ? 200 : 3));
  const results = await Promise.allSettled(
    values.map((value) => loaded.infer(imageOf(value, spec))),
  );
  results.forEach((result, index) => {
    if (values[index] === 3) {
      assert.equal(result.status === 'fulfilled' && result.value.indices[0], 3);
    } else {
      assert.ok(result.status === 'rejected');
      hasCode('INFERENCE_FAILED')(result.reason);
    }
  });
  assert.equal(service.stats()[0]?.imagesFailed, 8);
});

test('when the model gives NaN for an image, then it is INFERENCE_FAILED', async (t) => {
  const { connect, model } = await startInference(t);
  const spec = await model(pixelModel());
  const loaded = await connect().client.load(spec, LOAD_OPTIONS);
  const images = [PIXEL_MODEL.nanValue, 2].map((value) => loaded.infer(imageOf(value, spec)));
  await assert.rejects(images[0] ?? Promise.resolve(), hasCode('INFERENCE_FAILED', /NaN/));
  assert.equal((await images[1])?.indices[0], 2);
});

test('when an image does not fit the model, then it is INFERENCE_FAILED and says both shapes', async (t) => {
  const { connect, model } = await startInference(t);
  const [small, large] = [await model(pixelModel()), await model(pixelModel({ side: 8 }))];
  const loaded = await connect().client.load(small, LOAD_OPTIONS);
  await assert.rejects(
    loaded.infer(imageOf(1, large)),
    hasCode('INFERENCE_FAILED', /8×8 pixels.*the model takes 4×4 pixels/),
  );
});

test('when an image is classified, then its bytes stay with the caller', async (t) => {
  const { connect, model } = await startInference(t);
  const spec = await model(pixelModel());
  const loaded = await connect().client.load(spec, LOAD_OPTIONS);
  const own = imageOf(4, spec);
  const larger = Buffer.alloc(1000, 7);
  const part = { ...own, data: larger.subarray(100, 148) as Uint8Array<ArrayBuffer> };
  const results = await Promise.all([part, own].map((image) => loaded.infer(image)));
  assert.deepEqual(
    results.map((result) => result.indices[0]),
    [7, 4],
  );
  assert.equal(larger.length, 1000);
  assert.equal(own.data.length, 48);
});

test('when nobody uses a model any more, then it is unloaded', async (t) => {
  const { connect, model, service } = await startInference(t);
  const spec = await model(pixelModel());
  const [first, second] = [connect(), connect()];
  const loadedTwice = [
    await first.client.load(spec, LOAD_OPTIONS),
    await second.client.load(spec, LOAD_OPTIONS),
  ];
  assert.equal(service.stats()[0]?.modelsLoaded, 1);
  await loadedTwice[0]?.release();
  await loadedTwice[0]?.release();
  await loadedTwice[1]?.infer(imageOf(1, spec));
  assert.equal(service.stats()[0]?.modelsLoaded, 1);
  // A slot that just goes away gives back what it holds.
  service.disconnectSlot(second.port);
  await eventually(() => service.stats()[0]?.modelsLoaded === 0);
  const again = await first.client.load(spec, LOAD_OPTIONS);
  assert.equal((await again.infer(imageOf(6, spec))).indices[0], 6);
});

test('when a model is asked for again soon, then it is still loaded; three idle ones are too many', async (t) => {
  const { connect, model, service } = await startInference(t, { unloadAfterMs: 60_000 });
  const { client } = connect();
  const spec = await model(pixelModel());
  const loaded = (): number | undefined => service.stats()[0]?.modelsLoaded;
  const batches = [1, 2, 3].map((sizeMax) => ({ ...LOAD_OPTIONS, batchSizeMax: sizeMax }));
  for (const options of batches) await (await client.load(spec, options)).release();
  await eventually(() => loaded() === 2);
  const again = await client.load(spec, batches[2] ?? LOAD_OPTIONS);
  assert.equal(loaded(), 2, 'it was there');
  assert.equal((await again.infer(imageOf(6, spec))).indices[0], 6);
  await again.release();
});

test('when a slot goes away with images in flight, then the others do not notice', async (t) => {
  const { connect, model, service } = await startInference(t, { executors: 1 });
  const spec = await model(pixelModel());
  const [leaving, staying] = [connect(), connect()];
  const left = await leaving.client.load(spec, LOAD_OPTIONS);
  const stayed = await staying.client.load(spec, LOAD_OPTIONS);
  const lost = Array.from({ length: 50 }, () => left.infer(imageOf(1, spec)));
  leaving.client.close();
  const results = await Promise.allSettled(lost);
  assert.ok(results.some((result) => result.status === 'rejected'));
  assert.equal((await stayed.infer(imageOf(2, spec))).indices[0], 2);
  await eventually(() => service.stats()[0]?.queued === 0);
});

test('when the model lies in storage, then it is copied once, by content, and verified', async (t) => {
  const { connect, model, folder, fileSystems } = await startInference(t);
  const file = pixelModel();
  const uri = 'memory://inference/pixel.onnx';
  await fileSystems.forUri(uri).put(uri, file);
  const spec = await model(file, { model: uri });
  const { client } = connect();
  const loaded = await client.load(spec, LOAD_OPTIONS);
  assert.equal((await loaded.infer(imageOf(5, spec))).indices[0], 5);
  const cache = join(folder, 'cache');
  assert.deepEqual(readdirSync(cache), [`${spec.sha256}.onnx`]);
  // The copy serves although the original is gone; a damaged copy does not.
  await loaded.release();
  await fileSystems.forUri(uri).delete(uri);
  const other = { ...LOAD_OPTIONS, topK: 1 };
  await (await client.load(spec, other)).release();
  writeFileSync(join(cache, `${spec.sha256}.onnx`), 'damaged');
  await assert.rejects(client.load(spec, { ...LOAD_OPTIONS, topK: 2 }), hasCode('MODEL_NOT_FOUND'));
});

test('when the file is not what was submitted, then loading says so', async (t) => {
  const { connect, model } = await startInference(t);
  const spec = await model(pixelModel());
  const { client } = connect();
  writeFileSync(spec.uri.slice('file://'.length), pixelModel({ side: 8 }));
  await assert.rejects(client.load(spec, LOAD_OPTIONS), hasCode('MODEL_CHECKSUM'));
  const missing = { ...spec, uri: `${spec.uri}.gone` };
  await assert.rejects(client.load(missing, LOAD_OPTIONS), hasCode('MODEL_NOT_FOUND'));
});

test('when the spec and the file disagree, then the warm-up finds it', async (t) => {
  const { connect, model } = await startInference(t);
  const spec = await model(pixelModel());
  const { client } = connect();
  const classes = { ...spec, output: { ...spec.output, classes: 7 } };
  await assert.rejects(
    client.load(classes, LOAD_OPTIONS),
    hasCode('MODEL_MISMATCH', /has 10 classes, not 7/),
  );
  const labels = { ...spec, output: { ...spec.output, classes: null }, labels: ['a'] };
  await assert.rejects(client.load(labels, LOAD_OPTIONS), hasCode('LABELS_MISMATCH'));
  const input = { ...spec, input: { ...spec.input, height: 5 } };
  await assert.rejects(
    client.load(input, LOAD_OPTIONS),
    hasCode('MODEL_MISMATCH', /fails on a black image/),
  );
  // A failed load leaves nothing behind.
  const loaded = await client.load(spec, LOAD_OPTIONS);
  assert.equal((await loaded.infer(imageOf(8, spec))).indices[0], 8);
});

test('when it is stopped under load, then runs end first and what waits is rejected', async (t) => {
  const { connect, model, service } = await startInference(t);
  const spec = await model(pixelModel({ side: 256 }));
  const loaded = await connect().client.load(spec, LOAD_OPTIONS);
  const images = Array.from({ length: 200 }, () => loaded.infer(imageOf(1, spec)));
  const settled = Promise.allSettled(images);
  await images[0];
  await service.stop();
  const results = await settled;
  const done = results.filter((result) => result.status === 'fulfilled').length;
  assert.ok(done >= 1 && done < results.length, `${done} of ${results.length}`);
  for (const result of results) {
    if (result.status === 'rejected') hasCode('CANCELLED')(result.reason);
  }
  await assert.rejects(connect().client.load(spec, LOAD_OPTIONS), hasCode('CANCELLED'));
});

test('when a service that never loaded a model is stopped, then it just stops', async (t) => {
  const { service, folder } = await startInference(t);
  assert.deepEqual(service.stats(), []);
  await service.stop();
  assert.equal(existsSync(join(folder, 'cache')), false);
});
