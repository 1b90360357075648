import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { SluiceError } from '../../../shared/errors/sluice-error.ts';
import type {
  CompiledImageTensorOptions,
  CompiledThumbnailsOptions,
} from '../../../shared/job-graph/compiled-options.ts';
import { systemClock } from '../../../shared/time/system-clock.ts';
import { sharp } from '../../../taskmanager/image/sharp-runtime.ts';
import { ImageTensorFunction } from '../../../taskmanager/operators/image-tensor/image-tensor-function.ts';
import { isRecordError } from '../../../taskmanager/operators/runtime/record-errors.ts';
import { ThumbnailsFunction } from '../../../taskmanager/operators/thumbnails/thumbnails-function.ts';
import { LIMITS, preprocessing } from '../../support/image-options.ts';
import { fakeOperatorContext, recordOf } from '../../unit/connectors/fake-operator-context.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-image-operators-'));
after(() => rm(folder, { recursive: true, force: true }));

const PHOTO = await sharp({ create: { width: 60, height: 40, channels: 3, background: '#c86432' } })
  .jpeg()
  .toBuffer();

function tensorFunction(overrides: Partial<CompiledImageTensorOptions> = {}): ImageTensorFunction {
  const operator = new ImageTensorFunction({
    bytesMax: LIMITS.bytesMax,
    pixelsMax: LIMITS.pixelsMax,
    formats: ['jpeg', 'png'],
    concurrency: undefined,
    ordered: false,
    preprocessing: preprocessing({ resize: 32, cropHeight: 28, cropWidth: 28 }),
    ...overrides,
  });
  operator.open(fakeOperatorContext(systemClock));
  return operator;
}

function thumbnailsFunction(
  overrides: Partial<CompiledThumbnailsOptions> = {},
): ThumbnailsFunction {
  const operator = new ThumbnailsFunction({
    path: `file://${folder}/out`,
    size: 16,
    fit: 'cover',
    format: 'jpeg',
    quality: 80,
    key: '{path}.{format}',
    bytesMax: LIMITS.bytesMax,
    pixelsMax: LIMITS.pixelsMax,
    concurrency: 4,
    sourceRoots: [`file://${folder}/in/`],
    ...overrides,
  });
  operator.open(fakeOperatorContext(systemClock));
  return operator;
}

async function storedPhoto(name: string) {
  const uri = `file://${folder}/${name}`;
  writeFileSync(join(folder, name), PHOTO);
  const status = await fakeOperatorContext(systemClock).fileSystems.forUri(uri).stat(uri);
  return { uri, etag: status!.etag };
}

test('when a record has bytes, then it gets a tensor, its size and format, and keeps the rest', async () => {
  const record = recordOf({ uri: 'file:///a.jpg', bytes: PHOTO.length }, { bytes: PHOTO });
  const [result, ...more] = await tensorFunction().invoke(record);
  assert.equal(more.length, 0);
  assert.deepEqual(Object.entries(result!.value), [
    ['uri', 'file:///a.jpg'],
    ['bytes', PHOTO.length],
    ['format', 'jpeg'],
    ['width', 60],
    ['height', 40],
  ]);
  assert.equal(result!.bytes, PHOTO);
  assert.equal(result!.tensor?.data.length, 28 * 28 * 3);
  assert.deepEqual(result!.tensor?.normalization, {
    scale: 1,
    mean: [127.5, 127.5, 127.5],
    std: [127.5, 127.5, 127.5],
    layout: 'NCHW',
    type: 'f32',
  });
  assert.equal(record.tensor, null, 'the record itself is unchanged');
});

test('when the bytes stayed behind, then the object is read again by reference', async () => {
  const { uri, etag } = await storedPhoto('again.jpg');
  const [result] = await tensorFunction().invoke(recordOf({}, { uri, etag }));
  assert.equal(result!.value['width'], 60);
});

test('when the object changed or went since, then the record is rejected, not the task', async () => {
  const { uri } = await storedPhoto('changed.jpg');
  for (const source of [
    { uri, etag: 'another' },
    { uri: `${uri}.gone`, etag: 'any' },
  ]) {
    await assert.rejects(tensorFunction().invoke(recordOf({}, source)), (error: SluiceError) => {
      assert.equal(error.code, 'OBJECT_CHANGED');
      assert.ok(isRecordError(error));
      return true;
    });
  }
});

test('when the object is longer than the limit, then it is not read', async () => {
  const { uri, etag } = await storedPhoto('long.jpg');
  const operator = tensorFunction({ bytesMax: 10 });
  await assert.rejects(operator.invoke(recordOf({}, { uri, etag })), { code: 'OBJECT_TOO_LARGE' });
});

test('when the record has neither bytes nor a source, then it is rejected', async () => {
  await assert.rejects(tensorFunction().invoke(recordOf({})), { code: 'RECORD_INVALID' });
});

test('when the format is not among those accepted, then the message names it and the way out', async () => {
  const gif = await sharp(PHOTO).gif().toBuffer();
  await assert.rejects(tensorFunction().invoke(recordOf({}, { bytes: gif })), {
    code: 'IMAGE_FORMAT',
    message: 'the content is GIF; accepted are jpeg, png',
    hint: 'Add `gif` to `formats` of this node to accept it.',
  });
});

test('when no concurrency is given, then it is twice the decoding threads', () => {
  const threads = Number(process.env['UV_THREADPOOL_SIZE'] ?? 4);
  assert.equal(tensorFunction().concurrency, 2 * threads);
  assert.equal(tensorFunction({ concurrency: 3 }).concurrency, 3);
});

test('when a thumbnail is made, then it lies under its key and nothing is emitted', async () => {
  const record = recordOf({}, { uri: `file://${folder}/in/a/b.JPG`, bytes: PHOTO });
  assert.deepEqual(await thumbnailsFunction().invoke(record), []);
  const first = readFileSync(join(folder, 'out/a/b.jpeg'));
  assert.equal((await sharp(first).metadata()).width, 16);
  await thumbnailsFunction().invoke(record);
  assert.deepEqual(readFileSync(join(folder, 'out/a/b.jpeg')), first, 'again: the same');
  assert.deepEqual(readdirSync(join(folder, 'out/a')), ['b.jpeg']);
});

test('when a label tries to leave the folder, then the thumbnail stays inside', async () => {
  const record = recordOf(
    { label: '../../escape' },
    { uri: `file://${folder}/in/x.jpg`, bytes: PHOTO },
  );
  await thumbnailsFunction({ key: '{label}/{name}.{format}' }).invoke(record);
  assert.ok(readdirSync(join(folder, 'out')).includes('.._.._escape'));
});

test('when a record lacks a field of the key, then it is rejected before anything is decoded', async () => {
  const record = recordOf({}, { uri: `file://${folder}/in/x.jpg`, bytes: Buffer.from('no image') });
  const operator = thumbnailsFunction({ key: '{label}.{format}' });
  await assert.rejects(operator.invoke(record), { code: 'RECORD_INVALID' });
});

test('when the folder cannot be written to, then the task fails instead of rejecting records', async () => {
  writeFileSync(join(folder, 'file'), 'not a folder');
  const record = recordOf({}, { uri: `file://${folder}/in/x.jpg`, bytes: PHOTO });
  const operator = thumbnailsFunction({ path: `file://${folder}/file/out` });
  await assert.rejects(operator.invoke(record), (error: unknown) => {
    assert.equal(isRecordError(error), false, String(error));
    return true;
  });
});
